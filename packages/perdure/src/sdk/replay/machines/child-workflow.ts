/**
 * A child workflow: the start, which may fail, and the end.
 *
 * Cancelling asks the child through the server (a request to an external execution, restricted to children). What workflow code hears,
 * and when, is the cancellation type's business, as with activities. WAIT_CANCELLATION_REQUESTED waits for the end of the child, like
 * WAIT_CANCELLATION_COMPLETED: so do Temporal's workers, and a run must be able to go on in either.
 */
import {
  CommandType,
  EventType,
  Failure,
  Memo,
  RetryState,
  SearchAttributes,
  StartChildWorkflowExecutionFailedCause,
  type Command,
  type HistoryEvent,
  type Init,
} from '../../../protocol/index.js';
import { FAILURE_SOURCE } from '../../common/failure.js';
import type { Job, StartChild } from '../../workflow/activation.js';
import { cancellation, encodeHeader, encodePayloads, encodePriority, failureOf, succeeded, userMetadata } from '../wire.js';
import type { EventListener, MachineHost, QueuedCommand } from './machine.js';

/** Reasons other than a workflow id that is taken, by the wire's number. */
const refusals: Readonly<Record<number, { readonly type: string; readonly message: string } | undefined>> = {
  [StartChildWorkflowExecutionFailedCause.NAMESPACE_NOT_FOUND]: { type: 'NamespaceNotFound', message: 'The namespace does not exist' },
  [StartChildWorkflowExecutionFailedCause.INVALID_VERSIONING_OVERRIDE]: { type: 'InvalidVersioningOverride', message: 'The versioning override is invalid' },
};

const CANCELLED = 'Child Workflow execution cancelled';

export class ChildMachine implements QueuedCommand, EventListener {
  readonly #host: MachineHost;
  readonly #command: StartChild;
  #state: 'queued' | 'initiated' | 'started' | 'settled' = 'queued';
  #cancelRequested = false;
  #initiatedEventId = 0;
  #startedEventId = 0;
  #runId = '';

  constructor(host: MachineHost, command: StartChild) {
    this.#host = host;
    this.#command = command;
  }

  get description(): string {
    return `start child workflow '${this.#command.workflowType}' (id '${this.#command.workflowId}')`;
  }

  get site(): StartChild['site'] {
    return this.#command.site;
  }

  matches(event: HistoryEvent): boolean {
    const initiated = event.startChildWorkflowExecutionInitiatedEventAttributes;
    return initiated?.workflowId === this.#command.workflowId && initiated.workflowType?.name === this.#command.workflowType;
  }

  recorded(event: HistoryEvent): void {
    this.#state = 'initiated';
    this.#initiatedEventId = event.eventId;
    this.#host.listen(event.eventId, this);
  }

  build(): Init<Command> {
    const command = this.#command;
    const { memo, searchAttributes } = command;
    return {
      commandType: CommandType.START_CHILD_WORKFLOW_EXECUTION,
      userMetadata: userMetadata(command.summary, command.details),
      startChildWorkflowExecutionCommandAttributes: {
        namespace: this.#host.namespace,
        workflowId: command.workflowId,
        workflowType: { name: command.workflowType },
        taskQueue: { name: command.taskQueue ?? this.#host.taskQueue },
        header: encodeHeader(command.headers),
        input: encodePayloads(command.input),
        workflowExecutionTimeout: command.executionTimeoutMs,
        workflowRunTimeout: command.runTimeoutMs,
        workflowTaskTimeout: command.taskTimeoutMs,
        parentClosePolicy: command.parentClosePolicy,
        workflowIdReusePolicy: command.workflowIdReusePolicy,
        retryPolicy: command.retryPolicy,
        cronSchedule: command.cronSchedule,
        priority: encodePriority(command.priority),
        memo: memo && Memo.encode({ fields: memo }),
        searchAttributes: searchAttributes && SearchAttributes.encode({ indexedFields: searchAttributes }),
      },
    };
  }

  requestCancel(reason: string): void {
    if (this.#state === 'settled' || this.#cancelRequested) return;
    if (this.#state === 'queued') {
      this.#host.withdraw(this);
      this.#state = 'settled';
      const failure = this.#failure(CANCELLED, RetryState.NON_RETRYABLE_FAILURE, cancellation('Child Workflow Execution cancelled before scheduled', undefined));
      this.#host.tellNow({ kind: 'resolve-child-start', seq: this.#command.seq, result: { kind: 'cancelled', failure } });
      return;
    }
    const type = this.#command.cancellation;
    if (type !== 'abandon') {
      this.#cancelRequested = true;
      this.#host.queue(new CancelChildCommand(this.#host, this.#command.workflowId, reason));
    }
    if (type === 'abandon' || type === 'try-cancel') this.#host.tellNow(this.#cancelledNow());
  }

  onEvent(event: HistoryEvent): Job | undefined {
    if (this.#state === 'settled') return undefined;
    const { seq } = this.#command;
    const started = event.childWorkflowExecutionStartedEventAttributes;
    if (started !== undefined) {
      this.#state = 'started';
      this.#startedEventId = event.eventId;
      this.#runId = started.workflowExecution?.runId ?? '';
      return { kind: 'resolve-child-start', seq, result: { kind: 'started', runId: this.#runId } };
    }
    const refused = event.startChildWorkflowExecutionFailedEventAttributes;
    if (refused !== undefined) {
      this.#state = 'settled';
      const { workflowId, workflowType } = this.#command;
      const refusal = refusals[refused.cause];
      if (refusal !== undefined) return { kind: 'resolve-child-start', seq, result: { kind: 'refused', failure: this.#refusal(refusal) } };
      return { kind: 'resolve-child-start', seq, result: { kind: 'already-exists', workflowId, workflowType } };
    }
    return this.#ended(event);
  }

  #refusal({ message, type }: { readonly message: string; readonly type: string }): Failure {
    const cause = Failure.create({ message, source: 'Server', applicationFailureInfo: { type, nonRetryable: true } });
    return this.#failure('Child Workflow could not be started', RetryState.NON_RETRYABLE_FAILURE, cause);
  }

  #ended(event: HistoryEvent): Job | undefined {
    const { childWorkflowExecutionCompletedEventAttributes: completed, childWorkflowExecutionFailedEventAttributes: failed } = event;
    const { childWorkflowExecutionCanceledEventAttributes: cancelled, childWorkflowExecutionTimedOutEventAttributes: timedOut } = event;
    if (completed !== undefined) {
      this.#state = 'settled';
      return { kind: 'resolve-child', seq: this.#command.seq, result: succeeded(completed.result) };
    }
    const source = 'Server';
    if (failed !== undefined) return this.#fail('Child Workflow execution failed', failed.retryState, failureOf(failed.failure));
    if (cancelled !== undefined) return this.#fail(CANCELLED, RetryState.NON_RETRYABLE_FAILURE, cancellation(CANCELLED, cancelled.details));
    if (timedOut !== undefined) {
      const cause = Failure.create({ message: 'Child Workflow execution timed out', source, timeoutFailureInfo: { timeoutType: 1 } });
      return this.#fail('Child Workflow execution timed out', timedOut.retryState, cause);
    }
    if (event.eventType === EventType.CHILD_WORKFLOW_EXECUTION_TERMINATED) {
      const cause = Failure.create({ message: 'Child Workflow execution terminated', source, terminatedFailureInfo: {} });
      return this.#fail('Child Workflow execution terminated', RetryState.NON_RETRYABLE_FAILURE, cause);
    }
    return undefined;
  }

  #cancelledNow(): Job {
    return this.#fail(CANCELLED, RetryState.NON_RETRYABLE_FAILURE, cancellation(CANCELLED, undefined));
  }

  #fail(message: string, retryState: RetryState, cause: Failure): Job {
    this.#state = 'settled';
    return { kind: 'resolve-child', seq: this.#command.seq, result: { ok: false, failure: this.#failure(message, retryState, cause) } };
  }

  #failure(message: string, retryState: RetryState, cause: Failure): Failure {
    const failure = Failure.create({
      message,
      source: FAILURE_SOURCE,
      childWorkflowExecutionFailureInfo: {
        namespace: this.#host.namespace,
        workflowExecution: { workflowId: this.#command.workflowId, runId: this.#runId },
        workflowType: { name: this.#command.workflowType },
        initiatedEventId: this.#initiatedEventId,
        startedEventId: this.#startedEventId,
        retryState,
      },
    });
    failure.cause = cause;
    return failure;
  }
}

class CancelChildCommand implements QueuedCommand, EventListener {
  readonly site = undefined;
  readonly #host: MachineHost;
  readonly #workflowId: string;
  readonly #reason: string;

  constructor(host: MachineHost, workflowId: string, reason: string) {
    this.#host = host;
    this.#workflowId = workflowId;
    this.#reason = reason;
  }

  get description(): string {
    return `request cancellation of child workflow '${this.#workflowId}'`;
  }

  matches(event: HistoryEvent): boolean {
    const initiated = event.requestCancelExternalWorkflowExecutionInitiatedEventAttributes;
    return initiated?.workflowExecution?.workflowId === this.#workflowId;
  }

  recorded(event: HistoryEvent): void {
    this.#host.listen(event.eventId, this);
  }

  /** Whether the request arrived is not told: the code hears when the child has ended. */
  onEvent(): undefined {}

  build(): Init<Command> {
    return {
      commandType: CommandType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION,
      requestCancelExternalWorkflowExecutionCommandAttributes: {
        namespace: this.#host.namespace,
        workflowId: this.#workflowId,
        childWorkflowOnly: true,
        reason: this.#reason,
      },
    };
  }
}
