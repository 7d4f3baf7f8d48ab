/** Local activities: what the workflow sees of them, and which markers, timers and tasks they leave. */
import assert from 'node:assert/strict';
import { execute, start, type Scenario, type Stage } from '../scenario.js';

/**
 * The official SDK without a cache forgets runs whose local activities it still runs, and after a replay gives their timeouts in another
 * shape; so it gets a cache here. Ours gets none where none is asked for.
 */
function worker(stage: Stage): Promise<AsyncDisposable> {
  return stage.worker(stage.sdk === 'official' && !stage.cached ? { maxCachedWorkflows: 100 } : {});
}

/** The names of the markers, and where timers stand between them. */
function marks(events: Awaited<ReturnType<Parameters<Scenario['run']>[0]['history']>>): string[] {
  return events.flatMap((event) => (event.markerRecordedEventAttributes ? ['marker'] : event.timerStartedEventAttributes ? ['timer'] : []));
}

const cancelled = (message: string) => ({ name: 'ActivityFailure', message: 'Local Activity cancelled', cause: { name: 'CancelledFailure', message } });

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'results of local activities are markers in the task that asked for them',
    covers: ['command:RECORD_MARKER', 'event:MARKER_RECORDED'],
    worker: 'own',
    run: async (stage) => {
      await using _ = await worker(stage);
      const handle = await start(stage, 'localResults');
      assert.deepEqual(await handle.result(), [2, true, [11, 21, 31]]);
      const events = await stage.history(handle.workflowId);
      const marker = events.find((event) => event.markerRecordedEventAttributes)?.markerRecordedEventAttributes;
      assert.equal(marker?.markerName, 'core_local_activity');
      assert.deepEqual([...(marker?.details.keys() ?? [])].sort(), ['data', 'result']);
      assert.equal(marks(events).filter((mark) => mark === 'marker').length, 4);
    },
  },
  {
    name: 'a local activity is retried within its task',
    covers: ['event:MARKER_RECORDED'],
    worker: 'own',
    run: async (stage) => {
      await using _ = await worker(stage);
      const handle = await start(stage, 'localRetried');
      assert.deepEqual(await handle.result(), [3, true]);
      assert.deepEqual(marks(await stage.history(handle.workflowId)), ['marker']);
    },
  },
  {
    name: 'a backoff longer than the threshold is a timer between two markers',
    covers: ['event:MARKER_RECORDED', 'event:TIMER_STARTED'],
    worker: 'own',
    run: async (stage) => {
      await using _ = await worker(stage);
      const handle = await start(stage, 'localBackedOff');
      assert.deepEqual(await handle.result(), [3, true]);
      assert.deepEqual(marks(await stage.history(handle.workflowId)), ['marker', 'timer', 'marker', 'timer', 'marker']);
    },
  },
  {
    name: 'failures and timeouts of local activities',
    covers: ['timeout:localActivity.startToClose', 'timeout:localActivity.scheduleToClose', 'policy:retry.maximumAttempts'],
    worker: 'own',
    run: async (stage) => {
      await using _ = await worker(stage);
      const timedOut = { name: 'ActivityFailure', message: 'Local Activity timed out', cause: { name: 'TimeoutFailure', message: 'Activity timed out' } };
      assert.deepEqual(await execute(stage, 'localFailures'), [
        { name: 'ApplicationFailure', message: 'boom' },
        { name: 'ApplicationFailure', message: 'declined' },
        timedOut,
        timedOut,
      ]);
    },
  },
  {
    name: 'a cancelled local activity: at once, or when it has ended',
    covers: ['policy:activityCancellation.TRY_CANCEL', 'policy:activityCancellation.ABANDON', 'policy:activityCancellation.WAIT_CANCELLATION_COMPLETED'],
    worker: 'own',
    run: async (stage) => {
      await using _ = await worker(stage);
      const run = (type: string) => start(stage, 'localCancelled', [type], { workflowId: stage.id(type) }).then((handle) => handle.result());
      assert.deepEqual(await run('TRY_CANCEL'), cancelled('Activity cancelled'));
      assert.deepEqual(await run('ABANDON'), cancelled('Activity cancelled'));
      assert.deepEqual(await run('WAIT_CANCELLATION_COMPLETED'), cancelled('CANCELLED'));
    },
  },
  {
    name: 'a local activity that outlasts its task renews it',
    covers: ['rpc:RespondWorkflowTaskCompleted', 'event:MARKER_RECORDED'],
    varies: 'how often it is renewed',
    worker: 'own',
    run: async (stage) => {
      await using _ = await worker(stage);
      const handle = await start(stage, 'localLong', [6_500], { workflowTaskTimeout: '5 seconds' });
      assert.equal(await handle.result(), 'slow');
      const events = await stage.history(handle.workflowId);
      const firstMarker = events.findIndex((event) => event.markerRecordedEventAttributes);
      const before = events.slice(0, firstMarker).filter((event) => event.workflowTaskCompletedEventAttributes);
      assert.ok(before.length >= 2, `${before.length} tasks were completed before the marker`);
      assert.equal(events.some((event) => event.workflowTaskTimedOutEventAttributes), false);
    },
  },
  {
    name: 'time goes on with local activities, the same in each replay',
    covers: ['event:MARKER_RECORDED'],
    worker: 'own',
    run: async (stage) => {
      await using _ = await worker(stage);
      assert.equal(await execute(stage, 'localTime'), true);
    },
  },
];
