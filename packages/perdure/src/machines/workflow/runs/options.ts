/**
 * What may change about a run after its start: WorkflowExecutionOptionsUpdated.
 *
 * Two things write it. UpdateWorkflowExecutionOptions changes the versioning override and the priority; its event always holds both as
 * they are afterwards, and a change that changes nothing writes nothing. A start that uses the existing run may attach its request id,
 * its completion callbacks and its links; its request id is remembered, so that the same start is answered the same way again.
 */
import { EMPTY, EventType, Priority, RpcError, VersioningBehavior, VersioningOverride, WorkflowExecutionOptionsUpdatedEventAttributes } from '../../../protocol/index.js';
import type { Callback, Encoded, HistoryEvent, Link, WorkflowExecutionOptions } from '../../../protocol/index.js';
import { arrive } from '../buffer.js';
import { registerCallbacks, tooManyCallbacks } from './callbacks.js';
import { activityKey, WORKFLOW_TASK } from '../debts.js';
import { childStarts } from '../messages/child-messages.js';
import type { Draft } from '../draft.js';
import { alreadyCompleted, invalid } from '../refusals.js';
import { keep, must } from '../state.js';
import { clearSticky } from '../tasks/sticky.js';
import { registerUpdateOptions } from '../updates/update-callbacks.js';
import { storedOverride } from './version-binding.js';
import { touchActivities } from './versioning.js';
import { shownOverride } from './worker-versions.js';
import type { Applying, WorkflowState } from '../state.js';

/** UpdateWorkflowExecutionOptions. `paths` is the field mask; a path that is named and not set is cleared. */
export interface UpdateOptionsInput {
  readonly type: 'update-options';
  readonly options: WorkflowExecutionOptions;
  readonly paths: readonly string[];
  readonly identity: string;
}

/** The options as they are afterwards. */
export interface OptionsReply {
  readonly kind: 'options';
  readonly versioningOverride?: VersioningOverride | undefined;
  readonly priority?: Encoded<Priority> | undefined;
}

// ── changes ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function updateOptions(draft: Draft, input: UpdateOptionsInput): OptionsReply | RpcError {
  const { state } = draft;
  if (!state.isOpen) return alreadyCompleted();
  const merged = mergeOptions(state, input);
  if (merged instanceof RpcError) return merged;
  if (!sameOptions(state, merged)) {
    const isMoved = !sameOverride(state.run.versioningOverride, merged.versioningOverride);
    writeOptions(draft, merged, input.identity);
    // The worker that has the run in its cache may not be the one that is to go on with it.
    if (isMoved) clearSticky(draft);
  }
  return { kind: 'options', versioningOverride: merged.versioningOverride && shownOverride(merged.versioningOverride), priority: merged.priority && Priority.encode(merged.priority) };
}

interface Options {
  readonly versioningOverride: VersioningOverride | undefined;
  readonly priority: Priority | undefined;
}

function writeOptions(draft: Draft, { versioningOverride, priority }: Options, identity: string): void {
  arrive(
    draft,
    EventType.WORKFLOW_EXECUTION_OPTIONS_UPDATED,
    {
      workflowExecutionOptionsUpdatedEventAttributes: WorkflowExecutionOptionsUpdatedEventAttributes.create({
        versioningOverride,
        unsetVersioningOverride: versioningOverride === undefined,
        identity,
        // An empty message clears what was there; without one it stays.
        priority: priority === undefined ? EMPTY : Priority.encode(priority),
      }),
    },
    { workerMayIgnore: true },
  );
}

/** The options as an update would leave them. Whether it is refused does not depend on the run. */
export function mergeOptions({ run }: WorkflowState, { options, paths }: UpdateOptionsInput): Options | RpcError {
  let { versioningOverride } = run;
  let priority = decoded(run.priority);
  const asked = decoded(options.priority);
  for (const path of paths) {
    switch (path) {
      case 'versioning_override': {
        const problem = overrideProblem(options.versioningOverride);
        if (problem !== undefined) return invalid(problem);
        versioningOverride = options.versioningOverride && storedOverride(options.versioningOverride);
        break;
      }
      case 'priority':
        priority = asked;
        break;
      case 'priority.priority_key':
        priority = Priority.create({ ...priority, priorityKey: asked?.priorityKey ?? 0 });
        break;
      case 'priority.fairness_key':
        priority = Priority.create({ ...priority, fairnessKey: asked?.fairnessKey ?? '' });
        break;
      case 'priority.fairness_weight':
        priority = Priority.create({ ...priority, fairnessWeight: asked?.fairnessWeight ?? 0 });
        break;
      default:
        if (path.startsWith('versioning_override.')) return invalid('error applying update_options: versioning_override fields must be updated together');
        return invalid(`error parsing UpdateMask: invalid path "${path}": versioning_override, priority and the fields of priority can be updated`);
    }
  }
  return { versioningOverride, priority };
}

/** What is wrong with an override, as it stands. No override is fine. */
export function overrideProblem(override: VersioningOverride | undefined): string | undefined {
  if (override === undefined || override.autoUpgrade === true || override.behavior === VersioningBehavior.AUTO_UPGRADE) return undefined;
  if (override.pinned !== undefined) return override.pinned.version === undefined ? 'must provide version if override is pinned.' : undefined;
  if (override.oneTime !== undefined) return undefined;
  if (override.behavior !== VersioningBehavior.PINNED) return 'override behavior is required';
  return override.pinnedVersion === '' && override.deployment === undefined ? 'must provide deployment (deprecated) or pinned_version if behavior is PINNED' : undefined;
}

function sameOptions({ run }: WorkflowState, { versioningOverride, priority }: Options): boolean {
  return sameOverride(run.versioningOverride, versioningOverride) && Buffer.from(priority ? Priority.encode(priority) : EMPTY).equals(run.priority ?? EMPTY);
}

function sameOverride(before: VersioningOverride | undefined, after: VersioningOverride | undefined): boolean {
  const bytes = (override: VersioningOverride | undefined): Uint8Array => (override === undefined ? EMPTY : VersioningOverride.encode(override));
  return Buffer.from(bytes(before)).equals(bytes(after));
}

function decoded(priority: Encoded<Priority> | undefined): Priority | undefined {
  return priority === undefined ? undefined : Priority.decode(priority);
}

// ── attaching ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What a start that uses the existing run leaves on it. */
export interface Attachment {
  readonly requestId: string;
  readonly callbacks: readonly Encoded<Callback>[];
  readonly links: readonly Encoded<Link>[];
}

/** Returns the refusal, if there is one. */
export function attach(draft: Draft, { requestId, callbacks, links }: Attachment): RpcError | undefined {
  if (requestId === '' && callbacks.length === 0 && links.length === 0) return undefined;
  const { state, limits } = draft;
  const waiting = state.buffer.reduce((sum, { event }) => sum + (event?.workflowExecutionOptionsUpdatedEventAttributes?.attachedCompletionCallbacks.length ?? 0), 0);
  const problem = tooManyCallbacks(state.callbacks.length + waiting, callbacks.length, limits);
  if (problem !== undefined) return problem;
  const attached = { attachedRequestId: requestId, attachedCompletionCallbacks: [...callbacks] };
  const workflowExecutionOptionsUpdatedEventAttributes = WorkflowExecutionOptionsUpdatedEventAttributes.create(attached);
  arrive(draft, EventType.WORKFLOW_EXECUTION_OPTIONS_UPDATED, { workflowExecutionOptionsUpdatedEventAttributes }, { workerMayIgnore: true, links });
  return undefined;
}

export function isAttached({ run }: WorkflowState, requestId: string): boolean {
  return requestId !== '' && run.attachedRequests.some((attached) => attached.requestId === requestId);
}

// ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** How many request ids the state keeps. Not configurable: a fold must forget the same ones. */
const REMEMBERED = 100;

/** The request id holds from the decision on, also while its event is buffered (id 0). */
export function rememberAttached({ run }: WorkflowState, requestId: string, eventId: number): void {
  if (requestId === '') return;
  const known = run.attachedRequests.find((attached) => attached.requestId === requestId);
  if (known !== undefined) known.eventId = eventId;
  else run.attachedRequests.push({ requestId, eventId, eventType: EventType.WORKFLOW_EXECUTION_OPTIONS_UPDATED });
  if (run.attachedRequests.length > REMEMBERED) run.attachedRequests.shift();
}

export function applyOptionsUpdated(state: WorkflowState, event: HistoryEvent, applying: Applying): void {
  const attributes = must(event.workflowExecutionOptionsUpdatedEventAttributes, 'attributes');
  const { run } = state;
  if (attributes.versioningOverride !== undefined) run.versioningOverride = VersioningOverride.decode(VersioningOverride.encode(attributes.versioningOverride));
  else if (attributes.unsetVersioningOverride) run.versioningOverride = undefined;
  if (attributes.versioningOverride !== undefined || attributes.unsetVersioningOverride) {
    // Where it was moving to does not count any more; what waits for a worker is owed to another one.
    run.versionTransition = undefined;
    applying.touch(WORKFLOW_TASK);
    touchActivities(state, applying);
    for (const key of childStarts.keys(state)) applying.touch(key);
  }
  if (attributes.priority !== undefined) {
    run.priority = attributes.priority.byteLength === 0 ? undefined : keep(attributes.priority);
    // Children that are still to be started inherit it.
    for (const key of childStarts.keys(state)) applying.touch(key);
    // So do tasks that wait for a worker.
    applying.touch(WORKFLOW_TASK);
    for (const { scheduledEventId } of state.activities.values()) applying.touch(activityKey(scheduledEventId));
  }
  rememberAttached(state, attributes.attachedRequestId, event.eventId);
  registerCallbacks(state, attributes.attachedCompletionCallbacks, event.eventTime ?? 0, attributes.attachedRequestId);
  registerUpdateOptions(state, event, attributes);
}
