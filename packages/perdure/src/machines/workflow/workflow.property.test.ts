/**
 * Random programs of everything that a run can be told: whatever clients, workers, operators, clocks and crashes do in whatever order, what
 * must always hold does (contiguous ids, fold = live = restored, debts = touched, closed owes nothing, each attempt and each task ends once,
 * signals in order, histories that replay).
 *
 * A program that fails is made small and printed with the command that repeats it. `PERDURE_PROGRAMS` runs more of them, `PERDURE_SEED` begins
 * at another one, `PERDURE_CASE` runs the one that it holds.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventType } from '../../protocol/index.js';
import { ProgramRun, runProgram } from './testing/program-run.js';
import { randomProgram } from './testing/program.js';
import type { Program } from './testing/program.js';
import { shrink } from './testing/shrink.js';
import { withVersions } from './testing/versions.js';

const PROGRAMS = Number(process.env['PERDURE_PROGRAMS'] ?? 2000);
const FIRST_SEED = Number(process.env['PERDURE_SEED'] ?? 1);
const STEPS = 40;

/** What a failing program says, without the numbers that differ between programs. */
function complaint(program: Program): string | undefined {
  try {
    runProgram(program);
    return undefined;
  } catch (error) {
    return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0]?.replace(/\d+/g, 'n') ?? '';
  }
}

function explain(seed: number, program: Program): string {
  const why = complaint(program);
  const { steps, tries } = shrink(program, (candidate) => complaint(candidate) === why);
  const run = new ProgramRun();
  let error: unknown;
  try {
    for (const step of steps) run.take(step);
    run.prove();
  } catch (thrown) {
    error = thrown;
  }
  const histories = run.runs.map((of) => `  ${of.runId}: ${of.eventNames().join(', ')}`);
  return [
    `seed ${seed}: ${why}`,
    `the smallest case, ${steps.length} of ${program.length} steps, found with ${tries} programs:`,
    'runProgram([',
    ...steps.map((step) => `  ${JSON.stringify(step)},`),
    ']);',
    'the runs at that point:',
    ...histories,
    `repeat it with: PERDURE_CASE='${JSON.stringify(steps)}' node --test dist/machines/workflow/workflow.property.test.js`,
    error instanceof Error ? (error.stack ?? error.message) : '',
  ].join('\n');
}

const given = process.env['PERDURE_CASE'];

test('the given program', { skip: given === undefined }, () => {
  const program: Program = JSON.parse(given ?? '[]') as Program;
  runProgram(program);
});

function playAll(programs: number, programOf: (seed: number) => Program): Set<EventType> {
  const seen = new Set<EventType>();
  for (let seed = FIRST_SEED; seed < FIRST_SEED + programs; seed++) {
    const program = programOf(seed);
    let run: ProgramRun;
    try {
      run = runProgram(program);
    } catch {
      throw new Error(explain(seed, program));
    }
    for (const { eventType } of run.runs.flatMap((of) => of.events())) seen.add(eventType);
  }
  return seen;
}

test('random programs of inputs', { skip: given !== undefined }, () => {
  const seen = playAll(PROGRAMS, (seed) => randomProgram(seed, STEPS));
  assert.ok(seen.size >= 52, `the programs reach every kind of event (${seen.size})`);
});

test('random programs with workers of two builds', { skip: given !== undefined }, () => {
  playAll(PROGRAMS / 2, (seed) => withVersions(randomProgram(seed, STEPS), seed));
});
