/** What a failed simulation tells: what went wrong, in which seed, with which faults, and the test that repeats it. */
import type { Fault } from './faults.js';
import type { FailureKind } from './play.js';
import type { Plan } from './shrink.js';

export interface SimulationFailure extends Plan {
  readonly workflowType: string;
  readonly seed: number;
  readonly kind: FailureKind;
  readonly cause: unknown;
}

/** An invariant does not hold, or a workflow breaks. `cause` is what was thrown; the message ends with a test that repeats it. */
export class SimulationError extends Error {
  override readonly name = 'SimulationError';
  readonly seed: number;
  /** Those that are needed to see it, as far as the simulation found out. */
  readonly faults: Plan['faults'];
  readonly deliveries: Plan['deliveries'];

  constructor(failure: SimulationFailure) {
    super(describe(failure), { cause: failure.cause });
    this.seed = failure.seed;
    this.faults = failure.faults;
    this.deliveries = failure.deliveries;
  }
}

const TITLES: Readonly<Record<FailureKind, string>> = {
  invariant: 'An invariant does not hold',
  'never ended': 'The workflow does not end',
  'workflow code': 'The workflow code breaks',
  nondeterminism: 'The workflow code goes another way when it is replayed',
  engine: 'The simulation itself failed',
};

function describe({ workflowType, seed, kind, cause, faults, deliveries }: SimulationFailure): string {
  const what = cause instanceof Error ? cause.message : String(cause);
  return [
    `${TITLES[kind]}, in seed ${seed}: ${what}`,
    '',
    faults.length === 0 ? 'It happens without any fault.' : `It takes ${faults.length === 1 ? 'this fault' : `these ${faults.length} faults`}:`,
    ...faults.map((fault) => `  - ${sentence(fault)}`),
    '',
    'This test repeats it; `options` are the ones of this simulation:',
    '',
    `test('${workflowType} survives seed ${seed}', async () => {`,
    `  await simulate(${workflowType}, {`,
    '    ...options,',
    `    seed: ${seed},`,
    `    faults: [${list(faults)}],`,
    ...(deliveries.length === 0 ? [] : [`    deliveries: [${list(deliveries)}],`]),
    '  });',
    '});',
  ].join('\n');
}

function list(items: readonly object[]): string {
  if (items.length === 0) return '';
  return `\n${items.map((item) => `      ${literal(item)},\n`).join('')}    `;
}

function literal(item: object): string {
  const fields = Object.entries(item).map(([name, value]) => `${name}: ${typeof value === 'string' ? `'${value}'` : String(value)}`);
  return `{ ${fields.join(', ')} }`;
}

function sentence(fault: Fault): string {
  switch (fault.kind) {
    case 'serverCrash':
      return `the server dies ${fault.moment} commit ${fault.commit} is durable, and is back after ${fault.downMs} ms`;
    case 'workerCrash':
      return `worker ${fault.worker} dies at commit ${fault.commit}, and is back after ${fault.downMs} ms${noticed(fault.silentMs)}`;
    case 'workerCrashInCall':
      return `a worker dies ${fault.moment === 'before' ? 'when it makes' : 'before it hears the reply to'} the ${nth(fault.nth)} ${fault.call}, and is back after ${fault.downMs} ms${noticed(fault.silentMs)}`;
    case 'clockJump':
      return `the wall clock is set ${fault.byMs < 0 ? 'back' : 'forward'} by ${Math.abs(fault.byMs)} ms at commit ${fault.commit}`;
    case 'commitRefused':
      return `the store refuses commit ${fault.commit} (${fault.reason})`;
    case 'commitSlow':
      return `commit ${fault.commit} takes ${fault.delayMs} ms`;
    case 'readRefused':
      return `the store refuses read ${fault.read} (${fault.reason})`;
    case 'serverCrashInRead':
      return `the server dies while it waits for read ${fault.read} of its store, and is back after ${fault.downMs} ms`;
    case 'readSlow':
      return `read ${fault.read} of the store takes ${fault.delayMs} ms`;
    case 'requestLost':
      return `the ${nth(fault.nth)} ${fault.call} does not reach the server`;
    case 'replyLost':
      return `the reply to the ${nth(fault.nth)} ${fault.call} is lost`;
    case 'duplicate':
      return `the ${nth(fault.nth)} ${fault.call} reaches the server twice, ${fault.delayMs} ms apart`;
    case 'requestDelayed':
      return `the ${nth(fault.nth)} ${fault.call} reaches the server ${fault.delayMs} ms late`;
    case 'replyDelayed':
      return `the reply to the ${nth(fault.nth)} ${fault.call} is ${fault.delayMs} ms late`;
  }
}

function noticed(silentMs: number): string {
  return silentMs === 0 ? '' : `; the server notices after ${silentMs} ms`;
}

function nth(number: number): string {
  const ending = number % 100 >= 11 && number % 100 <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][number % 10] ?? 'th');
  return `${number}${ending}`;
}
