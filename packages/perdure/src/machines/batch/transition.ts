/** How an input of a batch job is decided: first the input, then the sweep goes on as far as it may, and if it is through, the job ends. */
import { BatchOperationState, BatchRecord, Code, NotFoundFailure, RpcError, WorkflowExecutionAlreadyStartedFailure } from '../../protocol/index.js';
import type { BatchEvent, Init } from '../../protocol/index.js';
import type { DebtKey, HostInput, MachineKey, Moment, Outcome } from '../machine.js';
import { advanceSweep, isSwept, namedTargets, takeSweepAnswers } from './sweep/sweep.js';
import type { BatchInput, BatchReply, StartBatchInput } from './inputs.js';
import { walkOf } from './operations.js';
import { BatchState, applyEvent } from './state.js';

type BatchOutcome = Outcome<BatchState | undefined, BatchReply>;
type Self = MachineKey & { readonly machine: string };

const DONE: BatchReply = { kind: 'batch' };

class Draft {
  readonly now: number;
  readonly #events: Init<BatchEvent>[] = [];
  readonly #touched = new Set<DebtKey>();

  constructor(
    readonly state: BatchState,
    moment: Moment,
  ) {
    this.now = Math.floor(moment.now);
  }

  emit(event: Init<BatchEvent>): void {
    this.#events.push(event);
    applyEvent(this.state, event, (key) => this.#touched.add(key));
  }

  finish(refusal?: RpcError): BatchOutcome {
    const record = this.#events.length === 0 ? undefined : { private: BatchRecord.encode({ events: this.#events }) };
    return { state: this.state, ...(record && { record }), reply: refusal ?? DONE, touched: [...this.#touched] };
  }
}

export function transition(state: BatchState | undefined, input: BatchInput | HostInput, at: Moment, self: Self): BatchOutcome {
  if (state === undefined && input.type !== 'start') return { state, reply: notFound(self.key), touched: [] };
  const draft = new Draft(state ?? new BatchState(), at);
  const refusal = state === undefined && input.type === 'start' ? start(draft, input, self) : decide(draft, input);
  goOn(draft);
  return draft.finish(refusal);
}

function decide(draft: Draft, input: BatchInput | HostInput): RpcError | undefined {
  const { state } = draft;
  switch (input.type) {
    case 'start':
      return Buffer.compare(state.started.digest, input.digest) === 0 ? undefined : alreadyStarted(state);
    case 'stop':
      if (!state.isRunning) return new RpcError(Code.NOT_FOUND, `The batch operation "${state.started.jobId}" has already ended.`);
      close(draft, BatchOperationState.FAILED, input.reason, input.identity);
      return undefined;
    case 'delete':
      if (state.isRunning) close(draft, BatchOperationState.FAILED, 'its namespace is deleted');
      draft.emit({ forgotten: {} });
      return undefined;
    case 'delivered':
      if (state.isRunning) takeSweepAnswers(state.sweep, walkOf(state), input.answers, (sweep) => draft.emit({ sweep }));
      return undefined;
    case 'wake':
      // The rate allows more: see `goOn`.
      return undefined;
    case 'dispatch':
    case 'sticky-unavailable':
      // A batch job owes no tasks.
      return notFound(state.started.jobId);
    default:
      return input satisfies never;
  }
}

function start(draft: Draft, input: StartBatchInput, self: Self): undefined {
  const { request, query, digest, expected, perSecond, window, pageSize } = input;
  const { executions } = request;
  draft.emit({
    started: {
      jobId: self.key,
      incarnation: self.machine,
      namespaceId: self.namespace,
      request: { ...request, executions: [], targetExecutions: [] },
      query,
      digest,
      startedMs: draft.now,
      expected,
      perSecond,
      window,
      pageSize,
    },
  });
  if (query === '') draft.emit({ sweep: namedTargets(executions.map(({ workflowId, runId }) => ({ key: workflowId, machine: runId }))) });
}

function goOn(draft: Draft): void {
  const { state } = draft;
  if (!state.isRunning) return;
  advanceSweep(state.sweep, walkOf(state), draft.now, (sweep) => draft.emit({ sweep }));
  if (!isSwept(state.sweep)) return;
  const { problem } = state.sweep;
  close(draft, problem === '' ? BatchOperationState.COMPLETED : BatchOperationState.FAILED, problem);
}

function close(draft: Draft, state: BatchOperationState, reason: string, identity = ''): void {
  draft.emit({ closed: { state, closedMs: draft.now, reason, identity } });
}

function notFound(jobId: string): RpcError {
  return RpcError.with(Code.NOT_FOUND, `There is no batch operation "${jobId}".`, NotFoundFailure, {});
}

/** Clients know the detail: elsewhere, too, a job is what an execution is. */
function alreadyStarted({ started }: BatchState): RpcError {
  const { jobId, incarnation: runId } = started;
  const message = `A batch operation with the job id "${jobId}" exists already. Take another id: one is free again when the job's retention has ended.`;
  return RpcError.with(Code.ALREADY_EXISTS, message, WorkflowExecutionAlreadyStartedFailure, { startRequestId: '', runId, firstExecutionRunId: runId });
}
