/** Workflows that the tests of this folder run. Bundled as a user's would be; only tests name this file. */
import {
  ActivityCancellationType,
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  continueAsNew,
  currentUpdateInfo,
  defineQuery,
  defineSignal,
  defineUpdate,
  executeChild,
  isCancellation,
  log,
  patched,
  proxyActivities,
  proxyLocalActivities,
  setDefaultSignalHandler,
  setDefaultUpdateHandler,
  setHandler,
  sleep,
  Trigger,
  uuid4,
  workflowInfo,
  type ActivityFailure,
} from 'perdure/workflow';

interface Activities {
  greet(name: string): Promise<string>;
  charge(amount: number): Promise<string>;
  refund(): Promise<void>;
}

const { greet, charge, refund } = proxyActivities<Activities>({ startToCloseTimeout: '1 minute', retry: { maximumAttempts: 3 } });

export const approve = defineSignal<[by: string]>('approve');
export const status = defineQuery<string>('status');

export async function noop(): Promise<string> {
  return 'done';
}

export async function oneActivity(name: string): Promise<string> {
  return greet(name);
}

export async function describeFailure(): Promise<unknown> {
  try {
    return await charge(10);
  } catch (error) {
    const failure = error as ActivityFailure;
    const cause = failure.cause as ApplicationFailure;
    return [failure.name, failure.activityType, failure.activityId, failure.retryState, cause.name, cause.type, cause.message, cause.details];
  }
}

export async function letFailurePass(): Promise<string> {
  return charge(10);
}

export async function failWith(type: string): Promise<void> {
  throw ApplicationFailure.nonRetryable('declined', type, { code: 7 });
}

export async function brokenCode(): Promise<void> {
  await sleep(1000);
  (undefined as unknown as { call(): void }).call();
}

export async function sleeps(): Promise<number> {
  const before = Date.now();
  await sleep('1 hour');
  return Date.now() - before;
}

export async function approval(): Promise<unknown> {
  let approvedBy: string | undefined;
  let state = 'waiting';
  setHandler(approve, (by) => void (approvedBy = by));
  setHandler(status, () => state);
  const inTime = await condition(() => approvedBy !== undefined, '1 day');
  state = inTime ? 'approved' : 'expired';
  await sleep(1000);
  return { inTime, approvedBy };
}

export async function lateHandler(): Promise<string[]> {
  const seen: string[] = [];
  await sleep(1000);
  setHandler(approve, (by) => void seen.push(by));
  setDefaultSignalHandler((name, ...args) => void seen.push(`${name}:${args.join(',')}`));
  return seen;
}

export async function cancellable(type: keyof typeof ActivityCancellationType): Promise<string> {
  const activities = proxyActivities<Activities>({ startToCloseTimeout: '1 minute', cancellationType: ActivityCancellationType[type] });
  try {
    return await activities.greet('x');
  } catch (error) {
    if (!isCancellation(error)) throw error;
    await CancellationScope.nonCancellable(() => refund());
    throw error;
  }
}

export async function cancelledScope(): Promise<string> {
  const scope = new CancellationScope({ cancellable: true });
  const work = scope.run(() => charge(1)).catch((error: unknown) => (isCancellation(error) ? 'cancelled' : 'failed'));
  await sleep(1000);
  scope.cancel();
  const outcome = await work;
  return `${outcome}, scope ${scope.consideredCancelled}, workflow ${CancellationScope.current().consideredCancelled}`;
}

export async function cancelledBeforeSent(): Promise<string> {
  const scope = new CancellationScope({ cancellable: true });
  const work = scope.run(() => Promise.all([charge(1), sleep(5000)])).catch((error: unknown) => isCancellation(error));
  scope.cancel();
  return `cancelled ${String(await work)}`;
}

export async function withTimeout(): Promise<string> {
  try {
    return await CancellationScope.withTimeout('10s', () => charge(1));
  } catch (error) {
    return isCancellation(error) ? 'timed out' : 'failed';
  }
}

let modulesState = 0;

/** Everything that must be a run's own: clock, chance, module state, globals. */
export async function isolation(): Promise<unknown> {
  const seen: unknown[] = [];
  const globals = globalThis as { leak?: string };
  for (let round = 0; round < 3; round++) {
    modulesState++;
    globals.leak = (globals.leak ?? '') + workflowInfo().runId.slice(0, 1);
    seen.push([Date.now(), new Date().getTime(), Math.random(), uuid4(), modulesState, globals.leak]);
    await sleep(1000);
  }
  return seen;
}

export async function patches(): Promise<string> {
  const taken = patched('new-way') ? 'new' : 'old';
  await sleep(1000);
  return taken;
}

export async function again(count: number): Promise<void> {
  await continueAsNew<typeof again>(count + 1);
}

export async function parent(): Promise<string> {
  return executeChild<(name: string) => Promise<string>>('oneActivity', { workflowId: 'child-1', args: ['bob'] });
}

export async function logs(): Promise<void> {
  log.info('before', { n: 1 });
  console.log('console', { a: 1 });
  await sleep(1000);
  log.info('after');
}

export async function timeouts(): Promise<string[]> {
  const seen: string[] = [];
  const done = new Trigger<void>();
  const cancelled = setTimeout(() => seen.push('never'), 500);
  setTimeout((text: string) => {
    seen.push(text);
    done.resolve();
  }, 1000, 'fired');
  clearTimeout(cancelled);
  await done;
  return seen;
}

/** What comes first of two timers that fire in one task: the calls back of `setTimeout`, or chains of promises behind `sleep`. */
export async function timeoutAmongChains(): Promise<string[]> {
  const seen: string[] = [];
  const chain = async (length: number): Promise<void> => {
    let link = sleep(2_000);
    for (let index = 1; index < length; index++) link = link.then(() => undefined);
    await link.then(() => void seen.push(`chain of ${length}`));
  };
  setTimeout(() => seen.push('timeout'), 1_000);
  await Promise.all([1, 2, 3, 4].map(chain));
  return seen;
}

export async function forgetsPromise(): Promise<void> {
  void Promise.reject(new Error('nobody looks'));
  await sleep(1000);
}

/** Calls something that does not exist in workflow code, and tries to hide it. */
export async function forbiddenCall(name: string): Promise<string> {
  try {
    if (name === 'fetch') await (globalThis as { fetch?: (url: string) => Promise<unknown> }).fetch!('http://localhost');
    if (name === 'WeakRef') return String(new WeakRef({}));
    if (name === 'setInterval') setInterval(() => undefined, 10);
  } catch {
    return 'hidden';
  }
  if (name === 'process') return process.version;
  return 'nothing happened';
}

export async function handlerCutOff(): Promise<string> {
  setHandler(approve, async (by) => void (await greet(by)));
  return 'early';
}

export async function mutatingQuery(): Promise<void> {
  setHandler(status, () => {
    void greet('from a query');
    return 'x';
  });
  await sleep(1000);
}

export const add = defineUpdate<number, [amount: number]>('add');
export const work = defineUpdate<string, [name: string]>('work');

export async function updatable(closeAt: number): Promise<unknown> {
  let total = 0;
  const seen: string[] = [];
  setHandler(status, () => `${total} ${seen.join(' ')}`);
  setHandler(approve, (by) => void seen.push(`signal:${by}`));
  setHandler(
    add,
    (amount) => {
      seen.push(`${currentUpdateInfo()?.id}:${amount}`);
      return (total += amount);
    },
    {
      validator: (amount) => {
        if (amount < 0) throw new RangeError(`negative in ${currentUpdateInfo()?.id}`);
        if (amount === 13) void greet('from a validator');
      },
    },
  );
  setHandler(work, async (name) => {
    if (name === 'fail') throw ApplicationFailure.create({ message: 'cannot', type: 'Cannot' });
    if (name === 'bug') throw new TypeError('a bug');
    await sleep(1000);
    const greeting = await greet(name);
    seen.push(`worked:${currentUpdateInfo()?.id}`);
    return greeting;
  });
  await condition(() => total >= closeAt);
  return seen;
}

/** Its handler appears after its first await, which is in the first task. */
export async function updatableSoon(): Promise<unknown> {
  const got: number[] = [];
  await Promise.resolve();
  setHandler(add, (amount) => got.push(amount));
  await condition(() => got.length > 0);
  return got;
}

export async function takesAnyUpdate(): Promise<unknown> {
  let last: unknown;
  setDefaultUpdateHandler((name, ...args) => (last = [name, ...args]));
  await condition(() => last !== undefined);
  return last;
}

const local = proxyLocalActivities<Activities>({ startToCloseTimeout: '5s' });

export async function twoLocals(): Promise<unknown> {
  const before = Date.now();
  const first = local.greet('a').then((value) => [value, Date.now() - before]);
  const second = local.greet('b').then((value) => [value, Date.now() - before]);
  const both = await Promise.all([first, second]);
  await sleep(1000);
  return both;
}

export async function localThenTimer(): Promise<string> {
  const greeting = await local.greet('x');
  await sleep(1000);
  return greeting;
}

export async function localFailure(): Promise<unknown> {
  try {
    return await local.charge(1);
  } catch (error) {
    const failure = error as ActivityFailure;
    return [failure.name, failure.message, failure.cause?.name];
  }
}

export async function cancelledLocal(type: keyof typeof ActivityCancellationType): Promise<unknown> {
  const activities = proxyLocalActivities<Activities>({ startToCloseTimeout: '5s', cancellationType: ActivityCancellationType[type] });
  const scope = new CancellationScope();
  const outcome = scope.run(() => activities.charge(1)).catch((error: Error) => [error.name, error.message]);
  await local.greet('first');
  scope.cancel();
  const ended = await outcome;
  await sleep(1000);
  return ended;
}

export async function localInUpdate(): Promise<unknown> {
  let done = false;
  setHandler(work, async (name) => {
    const greeting = await local.greet(name);
    done = true;
    return greeting;
  });
  await condition(() => done);
  await condition(allHandlersFinished);
  return 'done';
}

export async function zeroCondition(): Promise<boolean> {
  return condition(() => false, 0);
}

export interface Step {
  do: 'local' | 'activity' | 'timer' | 'awaitAll' | 'signal' | 'random' | 'patch' | 'scope' | 'branch' | 'timeout';
  steps: Step[];
}

/** Runs a random program; what it does depends on the program alone. */
export async function program(steps: Step[]): Promise<string[]> {
  const trace: string[] = [];
  let signals = 0;
  let consumed = 0;
  const pending: Promise<unknown>[] = [];
  setHandler(approve, async (by) => {
    trace.push(`signal ${by}`);
    signals++;
    if (signals % 3 === 0) await charge(signals).catch(() => undefined);
  });
  setHandler(
    add,
    async (amount) => {
      trace.push(`update ${currentUpdateInfo()?.id}`);
      if (amount === 1) await sleep(500);
      if (amount === 2) trace.push(await local.greet('update'));
      return amount;
    },
    {
      validator: (amount) => {
        if (amount === 3) throw new Error('three');
      },
    },
  );
  const note = (what: string, work: Promise<unknown>): void => {
    pending.push(work.then((value) => trace.push(`${what} ${String(value)}`), (error: Error) => trace.push(`${what} ${error.name}`)));
  };
  const interpret = async (program: readonly Step[], depth: string): Promise<void> => {
    for (const [index, step] of program.entries()) {
      const name = `${depth}${index}`;
      if (step.do === 'activity') note(name, greet(name));
      else if (step.do === 'local') note(name, local.greet(name));
      else if (step.do === 'timer') note(name, sleep(1000 + index));
      else if (step.do === 'awaitAll') await Promise.all(pending);
      else if (step.do === 'random') trace.push(`${name} ${Math.random()} ${Date.now()}`);
      else if (step.do === 'patch') trace.push(`${name} ${patched('p')}`);
      else if (step.do === 'signal') {
        const got = await condition(() => signals > consumed, '1 minute');
        if (got) consumed++;
        trace.push(`${name} ${got}`);
      } else if (step.do === 'timeout') {
        note(name, CancellationScope.withTimeout('5s', () => interpret(step.steps, `${name}.`)));
      } else if (step.do === 'branch') note(name, interpret(step.steps, `${name}.`));
      else {
        const scope = new CancellationScope({ cancellable: true });
        note(name, scope.run(() => interpret(step.steps, `${name}.`)));
        if (index % 2 === 0) await sleep(10).catch(() => undefined);
        scope.cancel();
      }
    }
  };
  await interpret(steps, '').catch((error: Error) => trace.push(error.name));
  await Promise.all(pending);
  return trace;
}

export async function buildIds(): Promise<unknown> {
  const before = workflowInfo().currentBuildId ?? null;
  await sleep(1000);
  return [before, workflowInfo().currentBuildId ?? null];
}
