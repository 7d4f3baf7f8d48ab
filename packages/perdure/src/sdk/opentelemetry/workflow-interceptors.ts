/**
 * Tracing inside workflow code: passes the trace on to activities, children and others, and tells the worker of spans that have ended.
 *
 * This module is bundled with the workflows; nothing of OpenTelemetry is. Ids are hashes (see `span-ids.ts`) and times are workflow time,
 * so a replay comes to the same spans; those that ended in the past are not told again, because sinks are silent in a replay. Whoever
 * adds tracing to workflows that are running adds a microtask to each traced call, as every interceptor does that looks at results.
 */
import {
  AsyncLocalStorage,
  ContinueAsNew,
  proxySinks,
  TemporalFailure,
  workflowInfo,
  type WorkflowInboundCallsInterceptor,
  type WorkflowInterceptors,
  type WorkflowOutboundCallsInterceptor,
} from 'perdure/workflow';
import { spanIdFrom, traceIdFrom } from './span-ids.js';
import { NEXUS_ENDPOINT_ATTR_KEY, NEXUS_OPERATION_ATTR_KEY, NEXUS_SERVICE_ATTR_KEY, RUN_ID_ATTR_KEY, SpanName, spanName, UPDATE_ID_ATTR_KEY, WORKFLOW_ID_ATTR_KEY } from './span-names.js';
import { formatCarrier, logAttributesOf, readTraceContext, withTraceContext, type TraceContext } from './trace-context.js';
import type { OpenTelemetrySinks } from './workflow-span.js';

const { exporter } = proxySinks<OpenTelemetrySinks>();

/** Modules are evaluated for each run, so this belongs to one run. */
const current = new AsyncLocalStorage<TraceContext>();
/** Of the span of the run itself: the parent of whatever has no other. */
let runContext: TraceContext | undefined;
let signals = 0;
let onlookers = 0;

interface SpanStart {
  readonly name: string;
  /** What the span is about: unique in the run, and the same in a replay. */
  readonly about: string;
  readonly parent: TraceContext | undefined;
  readonly attributes?: Readonly<Record<string, string>>;
  /** Query handlers and validators: no time of the workflow passes for them, and history does not show them. */
  readonly isOnlooker?: boolean;
  /** Other errors than failures fail the workflow task, which is tried again: then the span has not ended. */
  readonly isHandler?: boolean;
}

class OpenSpan {
  readonly context: TraceContext;
  readonly #start: SpanStart;
  readonly #startMs: number;

  constructor(start: SpanStart) {
    const { runId } = workflowInfo();
    const { parent } = start;
    this.#start = start;
    this.#startMs = this.#now();
    this.context = {
      ...(parent ?? { traceId: traceIdFrom(runId), traceFlags: 1 }),
      spanId: spanIdFrom(`${runId}/${start.about}`),
    };
  }

  end(error?: unknown): void {
    const { workflowId, runId } = workflowInfo();
    const { name, parent, attributes, isHandler } = this.#start;
    if (isHandler === true && error !== undefined && !(error instanceof TemporalFailure || error instanceof ContinueAsNew)) return;
    // A run that continues as new has not failed.
    const failed = error === undefined || error instanceof ContinueAsNew ? undefined : describe(error);
    exporter.export([
      {
        name,
        context: this.context,
        parent,
        startMs: this.#startMs,
        endMs: this.#now(),
        attributes: { [WORKFLOW_ID_ATTR_KEY]: workflowId, [RUN_ID_ATTR_KEY]: runId, ...attributes },
        ...(failed && { error: failed }),
      },
    ]);
  }

  #now(): number {
    return this.#start.isOnlooker === true ? workflowInfo().unsafe.now() : Date.now();
  }
}

function describe(error: unknown): { readonly type: string; readonly message: string; readonly stack: string } {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error), stack: '' };
  return { type: error.name, message: error.message, stack: error.stack ?? '' };
}

function trace<T>(start: SpanStart, work: (context: TraceContext) => Promise<T>): Promise<T> {
  const span = new OpenSpan(start);
  return current.run(span.context, () => work(span.context)).then(
    (result) => {
      span.end();
      return result;
    },
    (error: unknown) => {
      span.end(error);
      throw error;
    },
  );
}

function here(): TraceContext | undefined {
  return current.getStore() ?? runContext;
}

class TracingInbound implements WorkflowInboundCallsInterceptor {
  readonly execute: NonNullable<WorkflowInboundCallsInterceptor['execute']> = (input, next) => {
    const name = spanName(SpanName.WORKFLOW_EXECUTE, workflowInfo().workflowType);
    return trace({ name, about: 'run', parent: readTraceContext(input.headers), isHandler: true }, (context) => {
      runContext = context;
      return next(input);
    });
  };

  readonly handleSignal: NonNullable<WorkflowInboundCallsInterceptor['handleSignal']> = (input, next) => {
    const parent = readTraceContext(input.headers) ?? here();
    return trace({ name: spanName(SpanName.WORKFLOW_HANDLE_SIGNAL, input.signalName), about: `signal/${++signals}`, parent, isHandler: true }, () => next(input));
  };

  readonly handleUpdate: NonNullable<WorkflowInboundCallsInterceptor['handleUpdate']> = (input, next) => {
    const { updateId, name, headers } = input;
    const parent = readTraceContext(headers) ?? here();
    const attributes = { [UPDATE_ID_ATTR_KEY]: updateId };
    return trace({ name: spanName(SpanName.WORKFLOW_HANDLE_UPDATE, name), about: `update/${updateId}`, parent, attributes, isHandler: true }, () => next(input));
  };

  readonly validateUpdate: NonNullable<WorkflowInboundCallsInterceptor['validateUpdate']> = (input, next) => {
    const { updateId, name, headers } = input;
    const parent = readTraceContext(headers) ?? here();
    const attributes = { [UPDATE_ID_ATTR_KEY]: updateId };
    const span = new OpenSpan({ name: spanName(SpanName.WORKFLOW_VALIDATE_UPDATE, name), about: `validate/${updateId}`, parent, attributes, isOnlooker: true });
    try {
      current.run(span.context, () => next(input));
    } catch (error) {
      span.end(error);
      throw error;
    }
    span.end();
  };

  readonly handleQuery: NonNullable<WorkflowInboundCallsInterceptor['handleQuery']> = (input, next) => {
    const parent = readTraceContext(input.headers) ?? here();
    // Queries are not part of history: their ids need only differ.
    const about = `query/${input.queryId}/${++onlookers}/${workflowInfo().unsafe.now()}`;
    return trace({ name: spanName(SpanName.WORKFLOW_HANDLE_QUERY, input.queryName), about, parent, isOnlooker: true }, () => next(input));
  };
}

class TracingOutbound implements WorkflowOutboundCallsInterceptor {
  readonly scheduleActivity: NonNullable<WorkflowOutboundCallsInterceptor['scheduleActivity']> = (input, next) =>
    trace({ name: spanName(SpanName.ACTIVITY_START, input.activityType), about: `activity/${input.seq}`, parent: here() }, (context) =>
      next({ ...input, headers: withTraceContext(input.headers, context) }),
    );

  readonly scheduleLocalActivity: NonNullable<WorkflowOutboundCallsInterceptor['scheduleLocalActivity']> = (input, next) =>
    trace({ name: spanName(SpanName.ACTIVITY_START, input.activityType), about: `local/${input.seq}/${input.attempt}`, parent: here() }, (context) =>
      next({ ...input, headers: withTraceContext(input.headers, context) }),
    );

  /** Ends when the two promises are there: the child itself has a span of its own. */
  readonly startChildWorkflowExecution: NonNullable<WorkflowOutboundCallsInterceptor['startChildWorkflowExecution']> = (input, next) =>
    trace({ name: spanName(SpanName.CHILD_WORKFLOW_START, input.workflowType), about: `child/${input.seq}`, parent: here() }, (context) =>
      next({ ...input, headers: withTraceContext(input.headers, context) }),
    );

  /** Ends when the operation has started. Its headers are plain text. */
  readonly startNexusOperation: NonNullable<WorkflowOutboundCallsInterceptor['startNexusOperation']> = (input, next) => {
    const { endpoint, service, operation, seq } = input;
    const attributes = { [NEXUS_ENDPOINT_ATTR_KEY]: endpoint, [NEXUS_SERVICE_ATTR_KEY]: service, [NEXUS_OPERATION_ATTR_KEY]: operation };
    return trace({ name: spanName(SpanName.NEXUS_OPERATION_START, `${service}/${operation}`), about: `nexus/${seq}`, parent: here(), attributes }, (context) =>
      next({ ...input, headers: { ...input.headers, ...formatCarrier(context) } }),
    );
  };

  readonly signalWorkflow: NonNullable<WorkflowOutboundCallsInterceptor['signalWorkflow']> = (input, next) =>
    trace({ name: spanName(SpanName.WORKFLOW_SIGNAL, input.signalName), about: `signal-out/${input.seq}`, parent: here() }, (context) =>
      next({ ...input, headers: withTraceContext(input.headers, context) }),
    );

  readonly continueAsNew: NonNullable<WorkflowOutboundCallsInterceptor['continueAsNew']> = (input, next) =>
    trace({ name: spanName(SpanName.CONTINUE_AS_NEW, input.options.workflowType), about: 'continue-as-new', parent: here() }, (context) =>
      next({ ...input, headers: withTraceContext(input.headers, context) }),
    );

  readonly getLogAttributes: NonNullable<WorkflowOutboundCallsInterceptor['getLogAttributes']> = (input, next) => {
    const context = here();
    return next(context === undefined ? input : { ...input, ...logAttributesOf(context) });
  };
}

/** Name this module in the worker's option `interceptors.workflowModules`; `OpenTelemetryPlugin` does. */
export const interceptors = (): WorkflowInterceptors => ({ inbound: [new TracingInbound()], outbound: [new TracingOutbound()] });
