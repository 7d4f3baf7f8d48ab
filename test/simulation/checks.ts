/** What must hold on the disk of a simulation, whatever went wrong before. */
import { activityEnd, childEnd, EventType, operationEnd, type HistoryEvent } from '#perdure/protocol/index';
import type { WorkflowExecutor } from '#perdure/sdk/replay/executor';
import type { SimulatedWorld } from '#perdure/simulation/simulated-world';

const MOST_PROBLEMS = 20;

export class Problems {
  readonly list: string[] = [];

  add(problem: string): void {
    if (this.list.length < MOST_PROBLEMS) this.list.push(problem);
  }
}

export async function checkDisk({ disk }: SimulatedWorld, executor: WorkflowExecutor | undefined, deleted: readonly string[], problems: Problems): Promise<void> {
  for (const { workflowId, runId } of disk.runs) {
    if (deleted.includes(runId)) problems.add(`${workflowId} was deleted and is still there`);
    const events = disk.events(runId);
    const name = `${workflowId} (${runId})`;
    if (events.some(({ eventId }, index) => eventId !== index + 1)) problems.add(`${name}: its event ids are ${events.map(({ eventId }) => eventId).join(' ')}`);
    checkOnce(name, events, problems);
    checkChildren(name, events, disk, problems);
    checkRequests(name, events, problems);
    const failed = await executor?.replay(workflowId, events);
    if (failed !== undefined) problems.add(`${name} does not replay: ${failed.failure.message}`);
  }
}

/** A signal or an update that came twice is there once, unless the run was reset: then what it was told is told again. */
function checkRequests(name: string, events: readonly HistoryEvent[], problems: Problems): void {
  const seen = new Set<string>();
  for (const { workflowExecutionSignaledEventAttributes: signaled, workflowExecutionUpdateAcceptedEventAttributes: accepted } of events) {
    const request = signaled?.requestId !== undefined && signaled.requestId !== '' ? `signal request ${signaled.requestId}` : accepted && `update ${accepted.protocolInstanceId}`;
    if (request === undefined) continue;
    if (seen.has(request)) problems.add(`${name}: ${request} took effect twice`);
    seen.add(request);
  }
}

/** What a run began has closed with it: all policies here are to terminate. Those that a reset takes back belong to nobody. */
function checkChildren(name: string, events: readonly HistoryEvent[], disk: SimulatedWorld['disk'], problems: Problems): void {
  if (events.at(-1)?.workflowExecutionCompletedEventAttributes === undefined) return;
  for (const { childWorkflowExecutionStartedEventAttributes: started } of events) {
    const childId = started?.workflowExecution?.workflowId;
    const latest = disk.runs.findLast(({ workflowId }) => workflowId === childId);
    if (latest === undefined) continue;
    const end = disk.lastEvent(latest.runId);
    if (end === undefined || endOf(end) !== 'the run') problems.add(`${name} has ended, and its child ${childId} has not`);
  }
}

/** Each thing that was begun ends at most once, and in a closed run nothing comes after the end. */
function checkOnce(name: string, events: readonly HistoryEvent[], problems: Problems): void {
  const ended = new Set<string>();
  for (const event of events) {
    const end = endOf(event);
    if (end === undefined) continue;
    if (ended.has(end)) problems.add(`${name}: ${end} has ended twice, again in event ${event.eventId}`);
    ended.add(end);
    const begun = /\d+$/.exec(end);
    if (begun !== null && Number(begun[0]) >= event.eventId) problems.add(`${name}: event ${event.eventId} ends what has not begun`);
  }
  const close = events.findIndex((event) => endOf(event) === 'the run');
  if (close !== -1 && close !== events.length - 1) problems.add(`${name}: events follow its end`);
}

function endOf(event: HistoryEvent): string | undefined {
  const activity = activityEnd(event);
  if (activity !== undefined) return `the activity of event ${activity.scheduledEventId}`;
  const task = event.workflowTaskCompletedEventAttributes ?? event.workflowTaskFailedEventAttributes ?? event.workflowTaskTimedOutEventAttributes;
  if (task !== undefined) return `the workflow task of event ${task.scheduledEventId}`;
  const timer = event.timerFiredEventAttributes ?? event.timerCanceledEventAttributes;
  if (timer !== undefined) return `the timer of event ${timer.startedEventId}`;
  const child = childEnd(event);
  if (child !== undefined) return `the child of event ${child.initiatedEventId}`;
  const signal = event.externalWorkflowExecutionSignaledEventAttributes ?? event.signalExternalWorkflowExecutionFailedEventAttributes;
  if (signal !== undefined) return `the signal of event ${signal.initiatedEventId}`;
  const operation = operationEnd(event);
  if (operation !== undefined) return `the operation of event ${operation.scheduledEventId}`;
  const begin = event.nexusOperationStartedEventAttributes;
  if (begin !== undefined) return `the beginning of the operation of event ${begin.scheduledEventId}`;
  const asked = event.nexusOperationCancelRequestCompletedEventAttributes ?? event.nexusOperationCancelRequestFailedEventAttributes;
  if (asked !== undefined) return `the request of event ${asked.requestedEventId}`;
  const closed =
    event.workflowExecutionCompletedEventAttributes ??
    event.workflowExecutionFailedEventAttributes ??
    event.workflowExecutionTimedOutEventAttributes ??
    event.workflowExecutionCanceledEventAttributes ??
    event.workflowExecutionTerminatedEventAttributes ??
    event.workflowExecutionContinuedAsNewEventAttributes;
  return closed === undefined ? undefined : 'the run';
}

const STATUS_BY_EVENT: ReadonlyMap<EventType, string> = new Map([
  [EventType.WORKFLOW_EXECUTION_COMPLETED, 'COMPLETED'],
  [EventType.WORKFLOW_EXECUTION_FAILED, 'FAILED'],
  [EventType.WORKFLOW_EXECUTION_TIMED_OUT, 'TIMED_OUT'],
  [EventType.WORKFLOW_EXECUTION_CANCELED, 'CANCELLED'],
  [EventType.WORKFLOW_EXECUTION_TERMINATED, 'TERMINATED'],
  [EventType.WORKFLOW_EXECUTION_CONTINUED_AS_NEW, 'CONTINUED_AS_NEW'],
]);

/** Lists show every run that is on the disk, as it is, and no other. Takes time of the simulation. */
export async function checkLists({ client, disk }: SimulatedWorld, problems: Problems): Promise<void> {
  const listed = new Map<string, string>();
  for await (const { workflowId, runId, status } of client.workflow.list({ pageSize: 7 })) {
    if (listed.has(runId)) problems.add(`${workflowId} (${runId}) is listed twice`);
    listed.set(runId, status.name);
  }
  for (const { workflowId, runId } of disk.runs) {
    const end = disk.lastEvent(runId);
    const status = end === undefined ? 'no run' : (STATUS_BY_EVENT.get(end.eventType) ?? 'RUNNING');
    if (listed.get(runId) !== status) problems.add(`${workflowId} (${runId}) is ${status}, and listed as ${listed.get(runId) ?? 'nothing'}`);
    listed.delete(runId);
  }
  for (const runId of listed.keys()) problems.add(`${runId} is listed, and nowhere else`);
}

export interface Rest {
  /** Until everything is done that the background does: removing the journals of deleted runs takes some seconds. */
  readonly ms: number;
  check(): Promise<void>;
}

/** Nothing is left to do: neither now, nor for a server that opens on this disk and derives anew what is owed. */
export async function checkAtRest(world: SimulatedWorld, problems: Problems, rest: Rest): Promise<void> {
  const pass = async (ms: number): Promise<void> => {
    const until = world.now + ms;
    world.after(ms, () => {});
    await world.run(() => world.now >= until, ms);
  };
  await pass(rest.ms);
  await rest.check();
  const before = world.disk.commits;
  world.server.crash(0);
  await pass(60_000);
  if (world.disk.commits !== before) problems.add(`after a restart at rest the server made ${world.disk.commits - before} commits`);
}
