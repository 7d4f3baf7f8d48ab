/**
 * Calling Nexus operations from workflow code: services of other teams, in other namespaces, by a contract.
 *
 * An operation has two promises: that it has started (a handle), and its result. One that ends within its start keeps both at once. How many
 * microtasks lie between the two is part of the order of commands, the same as in Temporal's SDK: hence the async functions that look as if
 * they could be plain.
 */
import type { OperationDefinition, OperationInput, OperationKey, OperationOutput, ServiceDefinition, TypeInfo } from 'nexus-rpc';
import { msOptionalToNumber, type Duration } from '../common/duration.js';
import { composeInterceptors } from '../common/interceptors.js';
import { fromTransferType, toTransferType } from '../common/transfer-type.js';
import type { CallSite, CancellationBehaviour, Resolution } from './activation.js';
import { CancellationScope } from './cancellation-scope.js';
import { currentRun } from './current-run.js';
import type { StartNexusOperationInput, StartNexusOperationOutput } from './interceptors.js';
import { callSite, type Completion, type WorkflowRun } from './workflow-run.js';

/** What the workflow does when it is cancelled while an operation runs. */
export const NexusOperationCancellationType = {
  /** Do not ask; go on at once with a cancellation. */
  ABANDON: 'ABANDON',
  /** Ask the operation to stop and go on at once with a cancellation. The request may be lost if the workflow ends before it is delivered. */
  TRY_CANCEL: 'TRY_CANCEL',
  /** Ask, and go on with a cancellation as soon as the handler has been told. */
  WAIT_CANCELLATION_REQUESTED: 'WAIT_CANCELLATION_REQUESTED',
  /** Ask, and wait for how the operation ends. The default. */
  WAIT_CANCELLATION_COMPLETED: 'WAIT_CANCELLATION_COMPLETED',
} as const;
export type NexusOperationCancellationType = (typeof NexusOperationCancellationType)[keyof typeof NexusOperationCancellationType];

export interface StartNexusOperationOptions {
  /** From the call to the end of the operation, all attempts together. Default: what the server allows. */
  readonly scheduleToCloseTimeout?: Duration;
  /** Until the operation has started. Default: none. */
  readonly scheduleToStartTimeout?: Duration;
  /** From the start of an operation that ends later to its end. Default: none. */
  readonly startToCloseTimeout?: Duration;
  /** Default: WAIT_CANCELLATION_COMPLETED. */
  readonly cancellationType?: NexusOperationCancellationType;
  /** One line for people, in the console and the command line. */
  readonly summary?: string;
}

export interface NexusOperationHandle<T> {
  readonly service: string;
  readonly operation: string;
  /** The handler's name of the operation; absent if the operation ended within its start. */
  readonly token?: string;
  /** @throws NexusOperationFailure whose cause says how it failed. */
  result(): Promise<T>;
}

/** Operations of one service, by their definition or by the property of it. */
export interface NexusServiceClient<T extends ServiceDefinition> {
  /** Starts an operation and waits for its result. @throws NexusOperationFailure whose cause says how it failed. */
  executeOperation<O extends T['operations'][keyof T['operations']]>(operation: O, input: OperationInput<O>, options?: StartNexusOperationOptions): Promise<OperationOutput<O>>;
  executeOperation<K extends OperationKey<T['operations']>>(
    operation: K,
    input: OperationInput<T['operations'][K]>,
    options?: StartNexusOperationOptions,
  ): Promise<OperationOutput<T['operations'][K]>>;
  /** Starts an operation and waits until it has started, not until it has ended. @throws NexusOperationFailure if it cannot be started. */
  startOperation<O extends T['operations'][keyof T['operations']]>(
    operation: O,
    input: OperationInput<O>,
    options?: StartNexusOperationOptions,
  ): Promise<NexusOperationHandle<OperationOutput<O>>>;
  startOperation<K extends OperationKey<T['operations']>>(
    operation: K,
    input: OperationInput<T['operations'][K]>,
    options?: StartNexusOperationOptions,
  ): Promise<NexusOperationHandle<OperationOutput<T['operations'][K]>>>;
}

export interface NexusServiceClientOptions<T> {
  /** The endpoint's name, as an operator created it. */
  endpoint: string;
  /** What `service(…)` of the package nexus-rpc gave. */
  service: T;
}

/** Who waits for an operation: first for its start, then for its end. */
export interface NexusCompletion {
  readonly site: CallSite;
  onStart(token: string): void;
  /** Without a start before it, it is the start as well. */
  onEnd(result: Resolution): void;
}

const CANCELLATION: Readonly<Record<NexusOperationCancellationType, CancellationBehaviour>> = {
  ABANDON: 'abandon',
  TRY_CANCEL: 'try-cancel',
  WAIT_CANCELLATION_REQUESTED: 'wait-cancellation-requested',
  WAIT_CANCELLATION_COMPLETED: 'wait-cancellation-completed',
};

type Definition = OperationDefinition<unknown, unknown>;
type Below = (...args: never[]) => unknown;

/**
 * A client for one service behind one endpoint. Makes no call.
 *
 * @example
 * const payments = createNexusServiceClient({ endpoint: 'payments', service: paymentService });
 * const receipt = await payments.executeOperation('charge', order, { scheduleToCloseTimeout: '10 minutes' });
 */
export function createNexusServiceClient<T extends ServiceDefinition>({ endpoint, service }: NexusServiceClientOptions<T>): NexusServiceClient<T> {
  const startFrom = async (below: Below, operation: Definition | string, input: unknown, options: StartNexusOperationOptions = {}): Promise<NexusOperationHandle<unknown>> => {
    const { name, inputType, outputType } = definitionOf(service, operation);
    const run = currentRun(`Nexus operation ${name}`);
    run.assertMayAct('schedule-nexus-operation');
    const call: StartNexusOperationInput = {
      endpoint,
      service: service.name,
      operation: name,
      input,
      options: { ...options, cancellationType: options.cancellationType ?? 'WAIT_CANCELLATION_COMPLETED' },
      headers: {},
      seq: run.nextSeq.nexusOperation++,
      ...(inputType && { inputType }),
      ...(outputType && { outputType }),
    };
    const { token, result } = await composeInterceptors(run.interceptors.outbound, 'startNexusOperation', (changed) => push(run, changed, below))(call);
    return {
      service: service.name,
      operation: name,
      ...(token !== undefined && { token }),
      async result() {
        return result;
      },
    };
  };
  const client = {
    async executeOperation(operation: Definition | string, input: unknown, options?: StartNexusOperationOptions): Promise<unknown> {
      const handle = await startFrom(client.executeOperation, operation, input, options);
      return await handle.result();
    },
    startOperation: (operation: Definition | string, input: unknown, options?: StartNexusOperationOptions): Promise<NexusOperationHandle<unknown>> =>
      startFrom(client.startOperation, operation, input, options),
  };
  // The overloads tie names, inputs and outputs together, which no implementation can follow.
  return client as NexusServiceClient<T>;
}

/** @throws TypeError that names the operations that there are. */
function definitionOf(service: ServiceDefinition, operation: Definition | string): Definition {
  if (typeof operation !== 'string') return operation;
  const definition = Object.hasOwn(service.operations, operation) ? service.operations[operation] : undefined;
  if (definition !== undefined) return definition;
  throw new TypeError(`The service '${service.name}' has no operation '${operation}'. It has: ${Object.keys(service.operations).join(', ') || 'none'}.`);
}

function push(run: WorkflowRun, call: StartNexusOperationInput, below: Below): Promise<StartNexusOperationOutput> {
  const { endpoint, service, operation, input, inputType, outputType, options, headers, seq } = call;
  const scope = CancellationScope.current();
  return new Promise((resolve, reject) => {
    if (scope.consideredCancelled) {
      scope.cancelRequested.catch(reject);
      return;
    }
    const { payloadConverter } = run;
    const site = callSite(below);
    run.push({
      kind: 'schedule-nexus-operation',
      seq,
      site,
      endpoint,
      service,
      operation,
      input: payloadConverter.toPayload(toTransferType(input, inputType)),
      headers: new Map(Object.entries(headers)),
      scheduleToCloseTimeoutMs: msOptionalToNumber(options.scheduleToCloseTimeout),
      scheduleToStartTimeoutMs: msOptionalToNumber(options.scheduleToStartTimeout),
      startToCloseTimeoutMs: msOptionalToNumber(options.startToCloseTimeout),
      cancellation: cancellationOf(options.cancellationType),
      summary: options.summary === undefined ? undefined : payloadConverter.toPayload(options.summary),
    });
    const stopListening = scope.cancellable
      ? scope.onCancelRequested(() => {
          if (run.nexusOperations.has(seq)) run.push({ kind: 'request-cancel-nexus-operation', seq });
        })
      : () => undefined;
    run.nexusOperations.set(seq, new OperationWaiter(run, site, { resolve, reject }, outputType, stopListening));
  });
}

interface StartCompletion {
  readonly resolve: (output: StartNexusOperationOutput) => void;
  readonly reject: (error: unknown) => void;
}

class OperationWaiter implements NexusCompletion {
  readonly #run: WorkflowRun;
  readonly #start: StartCompletion;
  readonly #outputType: TypeInfo<unknown, unknown> | undefined;
  readonly #stopListening: () => void;
  #end: Completion | undefined;

  constructor(
    run: WorkflowRun,
    readonly site: CallSite,
    start: StartCompletion,
    outputType: TypeInfo<unknown, unknown> | undefined,
    stopListening: () => void,
  ) {
    this.#run = run;
    this.#start = start;
    this.#outputType = outputType;
    this.#stopListening = stopListening;
  }

  onStart(token: string | undefined): void {
    const result = new Promise<unknown>((resolve, reject) => (this.#end = { resolve, reject }));
    // Nobody has to wait for the end.
    result.catch(() => undefined);
    this.#start.resolve({ result, ...(token !== undefined && { token }) });
  }

  onEnd(result: Resolution): void {
    this.#stopListening();
    if (!result.ok) return (this.#end ?? this.#start).reject(this.#run.toError(result.failure));
    if (this.#end === undefined) this.onStart(undefined);
    const value = result.payload === undefined ? undefined : this.#run.payloadConverter.fromPayload(result.payload);
    this.#end?.resolve(fromTransferType(value, this.#outputType));
  }
}

function cancellationOf(type: NexusOperationCancellationType = 'WAIT_CANCELLATION_COMPLETED'): CancellationBehaviour {
  const behaviour = CANCELLATION[type];
  if (behaviour !== undefined) return behaviour;
  throw new TypeError(`Not a cancellationType: '${String(type)}'. Use one of ${Object.keys(CANCELLATION).join(', ')}.`);
}
