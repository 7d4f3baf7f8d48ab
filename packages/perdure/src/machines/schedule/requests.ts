/** What clients do to a schedule: create, update, patch, delete. Requests that come again are recognised by their id. */
import { Code, NotFoundFailure, RpcError, WorkflowExecutionAlreadyStartedFailure } from '../../protocol/index.js';
import type { SchedulePatch } from '../../protocol/index.js';
import type { MachineKey } from '../machine.js';
import { lookFrom, recordIdleTime } from './advance.js';
import type { ScheduleDraft } from './draft.js';
import { fire, processBuffer } from './firings.js';
import type { CreateScheduleInput, PatchScheduleInput, UpdateScheduleInput } from './inputs.js';
import { SCHEDULE_BOUNDS, conflictToken } from './state.js';
import type { ScheduleMachineState } from './state.js';

export const notFound = (): RpcError => RpcError.with(Code.NOT_FOUND, 'schedule not found', NotFoundFailure, {});

export function create(draft: ScheduleDraft, input: CreateScheduleInput, self: MachineKey): void {
  const { namespace, requestId, schedule, memo, searchAttributes, patch } = input;
  draft.emit({
    created: {
      namespace,
      namespaceId: self.namespace,
      scheduleId: self.key,
      incarnation: draft.moment.newId(),
      requestId,
      schedule,
      memo,
      searchAttributes,
      nowMs: draft.now,
    },
  });
  lookFrom(draft, draft.now);
  if (patch !== undefined) apply(draft, patch);
}

/** A creation under an id that is taken. */
export function createAgain({ data }: ScheduleMachineState, { requestId }: CreateScheduleInput): RpcError | undefined {
  if (requestId === data.requestId) return undefined;
  return RpcError.with(Code.ALREADY_EXISTS, `schedule "${data.scheduleId}" is already registered`, WorkflowExecutionAlreadyStartedFailure, {
    startRequestId: data.requestId,
  });
}

export function update(draft: ScheduleDraft, input: UpdateScheduleInput): RpcError | undefined {
  const { state, now } = draft;
  const { requestId, schedule, memo, searchAttributes } = input;
  if (requestId !== '' && requestId === state.data.updateRequestId) return undefined;
  if (input.conflictToken.byteLength > 0 && Buffer.compare(input.conflictToken, conflictToken(state)) !== 0) {
    return new RpcError(Code.FAILED_PRECONDITION, 'mismatched conflict token: the schedule has changed since it was described. Describe it again, and update what you get.');
  }
  recordIdleTime(draft);
  draft.emit({
    updated: {
      schedule,
      memo: memo && { value: memo },
      searchAttributes: searchAttributes && { value: searchAttributes },
      nowMs: now,
      requestId,
    },
  });
  lookFrom(draft, now);
  processBuffer(draft);
  return undefined;
}

export function patch(draft: ScheduleDraft, input: PatchScheduleInput): RpcError | undefined {
  const { data } = draft.state;
  const { requestId } = input;
  if (requestId !== '' && data.patchRequestIds.includes(requestId)) return undefined;
  if (data.backfills.length + input.patch.backfillRequest.length > SCHEDULE_BOUNDS.backfills) {
    return new RpcError(Code.INVALID_ARGUMENT, `A schedule has at most ${SCHEDULE_BOUNDS.backfills} backfills that are not done. Send fewer, or wait.`);
  }
  if (requestId !== '') draft.emit({ tokenUsed: { requestId } });
  apply(draft, input.patch);
  return undefined;
}

function apply(draft: ScheduleDraft, { triggerImmediately, backfillRequest, pause, unpause }: SchedulePatch): void {
  const { state, now } = draft;
  if (triggerImmediately !== undefined) {
    const atMs = Math.floor(triggerImmediately.scheduledTime ?? now);
    fire(draft, { nominalMs: atMs, actualMs: atMs, manual: true, overlapPolicy: triggerImmediately.overlapPolicy });
  }
  for (const { startTime, endTime, overlapPolicy } of backfillRequest) {
    // Both ends belong to it.
    const afterMs = Math.ceil(startTime ?? now) - 1;
    const endMs = Math.floor(endTime ?? now);
    if (afterMs < endMs) draft.emit({ backfillAdded: { id: state.data.nextFiringId, afterMs, endMs, overlapPolicy } });
  }
  if (pause !== '') draft.emit({ noted: { paused: true, notes: pause } });
  if (unpause === '') return;
  const wasIdle = !state.mayAct;
  // Whoever pauses and unpauses in one request, or has no action left, has it go on being idle.
  if (state.state.paused) recordIdleTime(draft);
  draft.emit({ noted: { paused: false, notes: unpause } });
  if (wasIdle) lookFrom(draft, now);
  processBuffer(draft);
}
