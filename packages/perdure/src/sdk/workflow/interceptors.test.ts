/** Interceptors and sinks at the border of the realm; the scenarios show them with whole workflows, clients and activities. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Payloads } from '../../protocol/index.js';
import { defaultDataConverter } from '../common/data-converter.js';
import { DefaultLogger, type LogEntry } from '../common/logger.js';
import { createWorkflowExecutor } from '../replay/executor.js';
import { HistoryBuilder, payloads, valuesOf } from '../replay/history-builder.js';
import { commandsOf, noFetch, shortly } from '../replay/test-executor.js';
import { bundleWorkflowCode } from '../sandbox/bundle.js';
import { sinkHost } from '../worker/sinks.js';

const pathOf = (name: string) => new URL(`./${name}.js`, import.meta.url).href;

async function executorOf(modules: readonly string[]) {
  const logged: LogEntry[] = [];
  const told: unknown[] = [];
  const logger = new DefaultLogger('DEBUG', (entry) => void logged.push(entry));
  const executor = createWorkflowExecutor({
    bundle: await bundleWorkflowCode({ workflowsPath: pathOf('test-interceptors'), workflowInterceptorModules: modules.map(pathOf) }),
    namespace: 'default',
    taskQueue: 'orders',
    maxCachedRuns: 10,
    dataConverter: defaultDataConverter,
    logger,
    sinks: sinkHost({ probe: { told: { fn: (_info, value) => void told.push(value) } } }, logger),
  });
  return { executor, logged, told, [Symbol.asyncDispose]: () => executor.close() };
}

test('activations, commands and the end of a run pass the internals; an interceptor that waits keeps the call in its run', async () => {
  await using t = await executorOf(['test-interceptors']);
  const history = new HistoryBuilder('intercepted').taskStarted();
  assert.deepEqual(shortly(await t.executor.handle(history.task(), noFetch)), ['timer 1 5']);
  history.taskCompleted().timerStarted('1').timerFired('1').taskStarted();
  const outcome = await t.executor.handle(history.stickyTask(), noFetch);
  assert.deepEqual(shortly(outcome), ['schedule greet 1']);
  assert.deepEqual(valuesOf(commandsOf(outcome)[0]?.scheduleActivityTaskCommandAttributes?.input), ['a', 'more']);
  t.executor.evict(history.runId);
  assert.deepEqual(t.told, ['activate start', 'conclude start-timer', 'activate fire-timer', 'conclude schedule-activity', 'dispose']);
  assert.equal(t.logged.find(({ message }) => message === 'begun')?.meta?.['added'], true);
});

test('a call that an interceptor does not hand on makes no command', async () => {
  await using t = await executorOf(['test-interceptors']);
  assert.deepEqual(shortly(await t.executor.handle(new HistoryBuilder('refused').taskStarted().task(), noFetch)), ['complete "refused"']);
});

test('a query passes interceptors; one that does not answer at once, or acts, is told so, and the next is answered', async () => {
  await using t = await executorOf(['test-interceptors']);
  const history = new HistoryBuilder('intercepted').taskStarted();
  await t.executor.handle(history.task(), noFetch);
  history.taskCompleted().timerStarted('1');
  const ask = async (text: string) => {
    const outcome = await t.executor.handle(history.queryTask({ queryType: 'state', queryArgs: payloads(text) }, true), noFetch);
    assert.ok(outcome.kind === 'query');
    return outcome.answer.ok ? valuesOf(Payloads.encode(outcome.answer.result)) : outcome.answer.message;
  };
  assert.match(String(await ask('slow')), /not answered at once/);
  assert.match(String(await ask('act')), /must only read the state/);
  assert.deepEqual(await ask('x'), [['x', '']]);
});

test('a module that exports no factory fails the task, and says what it must export', async () => {
  await using t = await executorOf(['test-wrong-interceptors']);
  const outcome = await t.executor.handle(new HistoryBuilder('sinking').taskStarted().task(), noFetch);
  assert.ok(outcome.kind === 'failed');
  assert.match(outcome.failure.message ?? '', /must export a function `interceptors`/);
});

test('a sink gets copies, as ordinary objects; one that the worker was not given is logged and stops nothing', async () => {
  await using t = await executorOf([]);
  assert.deepEqual(shortly(await t.executor.handle(new HistoryBuilder('sinking').taskStarted().task(), noFetch)), ['complete undefined']);
  const [value] = t.told as [{ list: number[]; map: Map<string, Date>; error: Error }];
  assert.deepEqual(value.list, [1]);
  assert.ok(value.map instanceof Map && value.error instanceof Error);
  assert.equal(value.map.get('a')?.getTime(), 5);
  assert.match(t.logged.find(({ level }) => level === 'ERROR')?.message ?? '', /a sink that the worker was not given/);
});
