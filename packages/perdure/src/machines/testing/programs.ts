/**
 * Random programs for a machine: lists of steps, each of which means something in every situation, so that any of them may be left out. One
 * that fails is made small and printed with the command that repeats it. For tests only.
 *
 * `PERDURE_PROGRAMS` plays more of them, `PERDURE_SEED` begins at another one, `PERDURE_CASE` plays the one that it holds.
 */
import { test } from 'node:test';
import { shrink } from './shrink.js';

export interface ProgramSuite<Step, Run> {
  /** The compiled test, below the package. */
  readonly file: string;
  /** How many are played by default. */
  readonly programs: number;
  /** @throws whatever does not hold */
  play(program: readonly Step[]): Run;
  /** Lines about the smallest program that fails, for those who look into it. */
  about?(smallest: readonly Step[]): readonly string[];
}

export interface Programs<Step, Run> {
  /** Of tests that make programs up: not when one is given. */
  readonly skip: boolean;
  /**
   * @param look hears of each run that went well
   * @param share of the programs that are asked for. Default: all
   */
  playAll(programOf: (seed: number) => readonly Step[], look?: (run: Run) => void, share?: number): void;
}

/** Adds the test of a given program. */
export function programTests<Step, Run>(suite: ProgramSuite<Step, Run>): Programs<Step, Run> {
  const given = process.env['PERDURE_CASE'];
  const programs = Number(process.env['PERDURE_PROGRAMS'] ?? suite.programs);
  const firstSeed = Number(process.env['PERDURE_SEED'] ?? 1);
  test('the given program', { skip: given === undefined }, () => {
    suite.play(JSON.parse(given ?? '[]') as readonly Step[]);
  });
  return {
    skip: given !== undefined,
    playAll(programOf, look, share = 1) {
      for (let seed = firstSeed; seed < firstSeed + programs * share; seed++) {
        const program = programOf(seed);
        let run: Run;
        try {
          run = suite.play(program);
        } catch (error) {
          throw new Error(explain(suite, seed, program, complaintOf(error)), { cause: error });
        }
        look?.(run);
      }
    },
  };
}

function explain<Step, Run>(suite: ProgramSuite<Step, Run>, seed: number, program: readonly Step[], why: string): string {
  let last: unknown;
  const failsAlike = (candidate: readonly Step[]): boolean => {
    try {
      suite.play(candidate);
      return false;
    } catch (error) {
      if (complaintOf(error) !== why) return false;
      last = error;
      return true;
    }
  };
  const { steps, tries } = shrink(program, failsAlike);
  return [
    `seed ${seed}: ${why}`,
    `the smallest case, ${steps.length} of ${program.length} steps, found with ${tries} programs:`,
    ...steps.map((step) => `  ${JSON.stringify(step)},`),
    ...(suite.about?.(steps) ?? []),
    `repeat it with: PERDURE_CASE='${JSON.stringify(steps)}' node --test ${suite.file}`,
    last instanceof Error ? (last.stack ?? last.message) : '',
  ].join('\n');
}

/** What a failing program says, without the numbers that differ between programs. */
function complaintOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0]?.replace(/\d+/g, 'n') ?? '';
}
