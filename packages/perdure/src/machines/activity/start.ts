/**
 * The beginning of an activity, and what a start means where the id has one already: the request id (the same start again), the conflict
 * policy (it runs) or the reuse policy (it is closed) decides.
 */
import { ActivityExecutionStatus, ActivityIdConflictPolicy, ActivityIdReusePolicy } from '../../protocol/index.js';
import type { RpcError, StartActivityExecutionRequest } from '../../protocol/index.js';
import type { MachineKey, Moment } from '../machine.js';
import { activityTimeouts, priorityProblem } from '../workflow/activities/activity-settings.js';
import { retryPolicyProblem, withRetryDefaults } from '../workflow/activities/retry-policy.js';
import { MAXIMUM_DURATION_MS, type WorkflowLimits } from '../workflow/limits.js';
import { invalid } from '../workflow/refusals.js';
import type { Draft } from './draft.js';
import type { ActivityStartedReply, CreateActivityInput, StartActivityInput } from './inputs.js';
import { alreadyStarted, notNow } from './refusals.js';
import type { StandaloneState } from './state.js';

/** All links of one activity, whoever left them. */
const MOST_LINKS = 2000;
const MOST_ATTACHED_REQUESTS = 2000;

/** What is wrong with a start, whatever exists. */
export function startProblem({ request }: StartActivityInput, limits: WorkflowLimits): RpcError | undefined {
  const timeouts = activityTimeouts(request, 0);
  const delay = (request.startDelay ?? 0) < 0 ? 'StartDelay is negative' : undefined;
  const problem = retryPolicyProblem(request.retryPolicy) ?? priorityProblem(request.priority, limits) ?? delay ?? (typeof timeouts === 'string' ? timeouts : undefined);
  return problem === undefined ? undefined : invalid(problem);
}

/** A new run for this start. It answers for the start. */
export function newRun({ namespace, request }: StartActivityInput, at: Moment): NonNullable<Draft['successor']> {
  return { machine: at.newId(), input: { type: 'create', namespace, request } satisfies CreateActivityInput, answers: true };
}

export function create(draft: Draft, { namespace, request }: CreateActivityInput, self: MachineKey & { readonly machine: string }): ActivityStartedReply {
  const timeouts = activityTimeouts(request, 0);
  if (typeof timeouts === 'string') throw new Error(`an activity was created that should have been refused: ${timeouts}`);
  draft.emit({
    scheduled: {
      namespaceId: self.namespace,
      namespace,
      activityId: self.key,
      runId: self.machine,
      requestId: request.requestId,
      activityType: request.activityType?.name ?? '',
      settings: {
        taskQueue: request.taskQueue?.name ?? '',
        scheduleToCloseTimeoutMs: timeouts.scheduleToCloseTimeout ?? 0,
        scheduleToStartTimeoutMs: timeouts.scheduleToStartTimeout ?? 0,
        startToCloseTimeoutMs: timeouts.startToCloseTimeout ?? 0,
        heartbeatTimeoutMs: timeouts.heartbeatTimeout ?? 0,
        retryPolicy: withRetryDefaults(request.retryPolicy),
        priority: request.priority,
      },
      startDelayMs: boundedDelay(request.startDelay),
      input: request.input,
      header: request.header,
      searchAttributes: request.searchAttributes,
      userMetadata: request.userMetadata,
      links: request.links,
    },
  });
  return reply(draft.state, true);
}

/** Of a start delay: what is longer than a century is a century. */
export function boundedDelay(delayMs: number | undefined): number {
  return Math.min(delayMs ?? 0, MAXIMUM_DURATION_MS);
}

/** A start under an id that has an activity. */
export function startAgain(draft: Draft, input: StartActivityInput): ActivityStartedReply | RpcError {
  const { state } = draft;
  const { requestId, idReusePolicy, idConflictPolicy } = input.request;
  if (requestId === state.scheduled.requestId) return reply(state, true);
  if (state.isOpen) return idConflictPolicy === ActivityIdConflictPolicy.USE_EXISTING ? useExisting(draft, input.request) : alreadyStarted(state);
  if (!mayReuse(idReusePolicy, state)) return alreadyStarted(state);
  draft.successor = newRun(input, draft.moment);
  return reply(state, true);
}

function mayReuse(policy: ActivityIdReusePolicy, { status }: StandaloneState): boolean {
  if (policy === ActivityIdReusePolicy.REJECT_DUPLICATE) return false;
  return policy !== ActivityIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY || status !== ActivityExecutionStatus.COMPLETED;
}

function useExisting(draft: Draft, { requestId, links, onConflictOptions }: StartActivityExecutionRequest): ActivityStartedReply | RpcError {
  const { state } = draft;
  const { attachedRequestIds } = state.data;
  if (onConflictOptions?.attachLinks !== true || links.length === 0 || attachedRequestIds.includes(requestId)) return reply(state, false);
  if (state.scheduled.links.length + links.length > MOST_LINKS || attachedRequestIds.length >= MOST_ATTACHED_REQUESTS) {
    return notNow(`cannot attach more than ${MOST_LINKS} links to an activity (${state.scheduled.links.length} links already attached)`);
  }
  draft.emit({ linksAttached: { requestId, links } });
  return reply(state, false);
}

function reply({ scheduled }: StandaloneState, started: boolean): ActivityStartedReply {
  return { kind: 'activity-started', runId: scheduled.runId, started };
}
