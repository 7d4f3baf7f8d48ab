/**
 * The requests that a workflow client makes, each from the input that interceptors see to the server's answer.
 *
 * {@link interceptedCalls} puts the interceptors around them. Request ids are chosen here, before the first attempt, so a request that is
 * sent twice takes effect once.
 */
import {
  Code,
  Header,
  QueryFailedFailure,
  RpcError,
  WorkflowService,
  type DescribeWorkflowExecutionResponse,
  type Encoded,
  type Init,
  type Method,
  type PollWorkflowTaskQueueResponse,
  type RequestCancelWorkflowExecutionResponse,
  type TerminateWorkflowExecutionResponse,
} from '../../protocol/index.js';
import {
  composeInterceptors,
  decodeFromBytesAtIndex,
  encodeArgumentsToBytes,
  encodeToBytes,
  queryRejectConditions,
  WorkflowExecutionAlreadyStartedError,
  type Headers,
  type LoadedDataConverter,
} from '../common/index.js';
import { inWorkflow } from '../common/serialization-context.js';
import { extrasOf } from './call-extras.js';
import type { Connection } from './connection.js';
import { reserveEagerStart } from './eager-start.js';
import { QueryNotRegisteredError, QueryRejectedError } from './errors.js';
import type {
  WorkflowCancelInput,
  WorkflowClientInterceptor,
  WorkflowDescribeInput,
  WorkflowExecutionIds,
  WorkflowQueryInput,
  WorkflowSignalInput,
  WorkflowSignalWithStartInput,
  WorkflowStartInput,
  WorkflowStartOutput,
  WorkflowTerminateInput,
} from './interceptors.js';
import { rethrowRequestError, type RequestSubject } from './request-errors.js';
import { startRequest } from './workflow-options.js';
import { decodeFailureBytes } from './workflow-result.js';

/** What all requests of a client have in common. */
export interface CallContext {
  readonly connection: Connection;
  readonly namespace: string;
  readonly identity: string;
  readonly dataConverter: LoadedDataConverter;
}

export interface WorkflowCalls {
  startWithDetails(input: WorkflowStartInput): Promise<WorkflowStartOutput>;
  signalWithStart(input: WorkflowSignalWithStartInput): Promise<string>;
  signal(input: WorkflowSignalInput): Promise<void>;
  query(input: WorkflowQueryInput): Promise<unknown>;
  cancel(input: WorkflowCancelInput): Promise<RequestCancelWorkflowExecutionResponse>;
  terminate(input: WorkflowTerminateInput): Promise<TerminateWorkflowExecutionResponse>;
  describe(input: WorkflowDescribeInput): Promise<DescribeWorkflowExecutionResponse>;
}

/** The calls, through the interceptors. */
export function interceptedCalls(context: CallContext, interceptors: readonly WorkflowClientInterceptor[]): WorkflowCalls {
  const calls = new DirectCalls(context);
  return {
    startWithDetails: composeInterceptors(interceptors.map(withDetails), 'startWithDetails', (input) => calls.startWithDetails(input)),
    signalWithStart: composeInterceptors(interceptors, 'signalWithStart', (input) => calls.signalWithStart(input)),
    signal: composeInterceptors(interceptors, 'signal', (input) => calls.signal(input)),
    query: composeInterceptors(interceptors, 'query', (input) => calls.query(input)),
    cancel: composeInterceptors(interceptors, 'cancel', (input) => calls.cancel(input)),
    terminate: composeInterceptors(interceptors, 'terminate', (input) => calls.terminate(input)),
    describe: composeInterceptors(interceptors, 'describe', (input) => calls.describe(input)),
  };
}

/** One that intercepts `start`, which gives the run id alone, as one that intercepts `startWithDetails`. */
function withDetails(interceptor: WorkflowClientInterceptor): Pick<WorkflowClientInterceptor, 'startWithDetails'> {
  const { start, startWithDetails } = interceptor;
  if (startWithDetails !== undefined) return { startWithDetails: startWithDetails.bind(interceptor) };
  if (start === undefined) return {};
  return {
    startWithDetails: async (input, next) => {
      let eagerlyStarted = false;
      const runId = await start.call(interceptor, input, async (changed) => {
        const output = await next(changed);
        ({ eagerlyStarted } = output);
        return output.runId;
      });
      return { runId, eagerlyStarted };
    },
  };
}

/** For the wire; undefined for none. */
export function headerOf(headers: Headers): Encoded<Header> | undefined {
  const fields = Object.entries(headers);
  return fields.length === 0 ? undefined : Header.encode({ fields: new Map(fields) });
}

class DirectCalls implements WorkflowCalls {
  readonly #context: CallContext;

  constructor(context: CallContext) {
    this.#context = context;
  }

  async startWithDetails({ workflowType, options, headers }: WorkflowStartInput): Promise<WorkflowStartOutput> {
    const extras = extrasOf(options);
    const { completionCallbacks, onConflictOptions } = extras ?? {};
    const tied = { ...(completionCallbacks && { completionCallbacks }), ...(onConflictOptions && { onConflictOptions }) };
    const request = { ...(await startRequest(workflowType, options, this.#context)), header: headerOf(headers), ...tied };
    const { connection, namespace } = this.#context;
    const place = options.requestEagerStart === true ? reserveEagerStart(connection.transport, namespace, options.taskQueue) : undefined;
    const eagerly = place && { requestEagerExecution: true, eagerWorkerDeploymentOptions: place.deploymentOptions };
    let task: PollWorkflowTaskQueueResponse | undefined;
    try {
      const answer = await this.#start(WorkflowService.StartWorkflowExecution, { ...request, ...eagerly }, workflowType, options.workflowId);
      if (extras !== undefined) extras.responseLink = answer.link;
      task = answer.eagerWorkflowTask;
      return { runId: answer.runId, eagerlyStarted: task !== undefined };
    } finally {
      if (task === undefined) place?.release();
      else place?.start(task);
    }
  }

  async signalWithStart({ workflowType, signalName, signalArgs, signalTypeInfo, headers, options }: WorkflowSignalWithStartInput): Promise<string> {
    const request = {
      ...(await startRequest(workflowType, options, this.#context)),
      header: headerOf(headers),
      signalName,
      signalInput: await encodeArgumentsToBytes(this.#converterOf(options), signalArgs, signalTypeInfo?.inputTypes),
    };
    const { runId, signalLink } = await this.#start(WorkflowService.SignalWithStartWorkflowExecution, request, workflowType, options.workflowId);
    const extras = extrasOf(options);
    if (extras !== undefined) extras.responseLink = signalLink;
    return runId;
  }

  async signal(given: WorkflowSignalInput): Promise<void> {
    const { signalName, args, typeInfo, workflowExecution, headers } = given;
    const extras = extrasOf(given);
    const request = {
      ...this.#common(),
      ...(extras?.links && { links: extras.links }),
      requestId: this.#context.connection.newId(),
      workflowExecution,
      signalName,
      input: await encodeArgumentsToBytes(this.#converterOf(workflowExecution), args, typeInfo?.inputTypes),
      header: headerOf(headers),
    };
    const { link } = await this.#request(WorkflowService.SignalWorkflowExecution, request, 'Cannot signal the workflow', workflowExecution);
    if (extras !== undefined) extras.responseLink = link;
  }

  async query(given: WorkflowQueryInput): Promise<unknown> {
    const { queryType, args, typeInfo, workflowExecution, queryRejectCondition, headers } = given;
    const { connection, namespace } = this.#context;
    const dataConverter = this.#converterOf(workflowExecution);
    const request = {
      namespace,
      execution: workflowExecution,
      query: { queryType, queryArgs: await encodeArgumentsToBytes(dataConverter, args, typeInfo?.inputTypes), header: headerOf(headers) },
      queryRejectCondition: queryRejectConditions.encode(queryRejectCondition),
    };
    try {
      const { queryRejected, queryResult, link } = await connection.call(WorkflowService.QueryWorkflow, request);
      const extras = extrasOf(given);
      if (extras !== undefined) extras.responseLink = link;
      if (queryRejected !== undefined) throw new QueryRejectedError(queryRejected.status);
      return await decodeFromBytesAtIndex(dataConverter, 0, queryResult, typeInfo?.outputType);
    } catch (error) {
      if (error instanceof RpcError && error.code === Code.INVALID_ARGUMENT) {
        const cause = await decodeFailureBytes(dataConverter, error.detail(QueryFailedFailure)?.failure);
        throw new QueryNotRegisteredError(error.message, error.code, cause);
      }
      rethrowRequestError(error, 'Cannot query the workflow', { namespace, ...workflowExecution });
    }
  }

  cancel({ workflowExecution, firstExecutionRunId }: WorkflowCancelInput): Promise<RequestCancelWorkflowExecutionResponse> {
    const request = { ...this.#common(), requestId: this.#context.connection.newId(), workflowExecution, firstExecutionRunId };
    return this.#request(WorkflowService.RequestCancelWorkflowExecution, request, 'Cannot cancel the workflow', workflowExecution);
  }

  async terminate({ workflowExecution, firstExecutionRunId, reason, details }: WorkflowTerminateInput): Promise<TerminateWorkflowExecutionResponse> {
    const encoded = details && (await encodeToBytes(this.#converterOf(workflowExecution), ...details));
    const request = { ...this.#common(), workflowExecution, firstExecutionRunId, reason, details: encoded };
    return this.#request(WorkflowService.TerminateWorkflowExecution, request, 'Cannot terminate the workflow', workflowExecution);
  }

  describe({ workflowExecution }: WorkflowDescribeInput): Promise<DescribeWorkflowExecutionResponse> {
    const request = { namespace: this.#context.namespace, execution: workflowExecution };
    return this.#request(WorkflowService.DescribeWorkflowExecution, request, 'Cannot describe the workflow', workflowExecution);
  }

  #converterOf({ workflowId }: { readonly workflowId: string }): LoadedDataConverter {
    return inWorkflow(this.#context.dataConverter, this.#context.namespace, workflowId);
  }

  #common() {
    return { namespace: this.#context.namespace, identity: this.#context.identity };
  }

  async #start<Request, Response>(method: Method<Request, Response>, request: Init<Request>, workflowType: string, workflowId: string): Promise<Response> {
    try {
      return await this.#context.connection.call(method, request);
    } catch (error) {
      if (error instanceof RpcError && error.code === Code.ALREADY_EXISTS) {
        throw new WorkflowExecutionAlreadyStartedError('Workflow execution already started', workflowId, workflowType);
      }
      rethrowRequestError(error, `Cannot start workflow '${workflowId}'`, { namespace: this.#context.namespace });
    }
  }

  async #request<Request, Response>(method: Method<Request, Response>, request: Init<Request>, what: string, target: WorkflowExecutionIds): Promise<Response> {
    const subject: RequestSubject = { namespace: this.#context.namespace, ...target };
    try {
      return await this.#context.connection.call(method, request);
    } catch (error) {
      rethrowRequestError(error, what, subject);
    }
  }
}
