/** Spans around the calls of a client; their context travels to the workflow. */
import { trace, type Span, type Tracer } from '@opentelemetry/api';
import type { WorkflowClientInterceptor, WorkflowExecutionIds } from '../client/index.js';
import { headersWithContext, instrument, type InterceptorOptions } from './instrument.js';
import { RUN_ID_ATTR_KEY, SpanName, spanName, TERMINATE_REASON_ATTR_KEY, UPDATE_ID_ATTR_KEY, WORKFLOW_ID_ATTR_KEY } from './span-names.js';

type Intercept<Method extends keyof WorkflowClientInterceptor> = NonNullable<WorkflowClientInterceptor[Method]>;

/** @example new Client({ connection, interceptors: { workflow: [new OpenTelemetryWorkflowClientInterceptor()] } }) */
export class OpenTelemetryWorkflowClientInterceptor implements WorkflowClientInterceptor {
  readonly #tracer: Tracer;

  constructor(options: InterceptorOptions = {}) {
    this.#tracer = options.tracer ?? trace.getTracer('perdure/opentelemetry/client');
  }

  readonly startWithDetails: Intercept<'startWithDetails'> = (input, next) =>
    instrument(this.#tracer, spanName(SpanName.WORKFLOW_START, input.workflowType), async (span, context) => {
      describe(span, input.options);
      const output = await next({ ...input, headers: headersWithContext(input.headers, context) });
      span.setAttribute(RUN_ID_ATTR_KEY, output.runId);
      return output;
    });

  readonly signal: Intercept<'signal'> = (input, next) =>
    instrument(this.#tracer, spanName(SpanName.WORKFLOW_SIGNAL, input.signalName), (span, context) => {
      describe(span, input.workflowExecution);
      return next({ ...input, headers: headersWithContext(input.headers, context) });
    });

  readonly signalWithStart: Intercept<'signalWithStart'> = (input, next) =>
    instrument(this.#tracer, spanName(SpanName.WORKFLOW_SIGNAL_WITH_START, input.workflowType), async (span, context) => {
      describe(span, input.options);
      const runId = await next({ ...input, headers: headersWithContext(input.headers, context) });
      span.setAttribute(RUN_ID_ATTR_KEY, runId);
      return runId;
    });

  readonly query: Intercept<'query'> = (input, next) =>
    instrument(this.#tracer, spanName(SpanName.WORKFLOW_QUERY, input.queryType), (span, context) => {
      describe(span, input.workflowExecution);
      return next({ ...input, headers: headersWithContext(input.headers, context) });
    });

  readonly startUpdate: Intercept<'startUpdate'> = (input, next) =>
    instrument(this.#tracer, spanName(SpanName.WORKFLOW_START_UPDATE, input.updateName), async (span, context) => {
      describe(span, input.workflowExecution);
      const output = await next({ ...input, headers: headersWithContext(input.headers, context) });
      span.setAttributes({ [UPDATE_ID_ATTR_KEY]: output.updateId, [RUN_ID_ATTR_KEY]: output.workflowRunId });
      return output;
    });

  readonly startUpdateWithStart: Intercept<'startUpdateWithStart'> = (input, next) =>
    instrument(this.#tracer, spanName(SpanName.WORKFLOW_UPDATE_WITH_START, input.updateName), async (span, context) => {
      describe(span, input.workflowStartOptions);
      const output = await next({
        ...input,
        workflowStartHeaders: headersWithContext(input.workflowStartHeaders, context),
        updateHeaders: headersWithContext(input.updateHeaders, context),
      });
      span.setAttribute(UPDATE_ID_ATTR_KEY, output.updateId);
      describe(span, output.workflowExecution);
      return output;
    });

  readonly terminate: Intercept<'terminate'> = (input, next) =>
    instrument(this.#tracer, SpanName.WORKFLOW_TERMINATE, (span) => {
      describe(span, input.workflowExecution);
      if (input.reason !== undefined) span.setAttribute(TERMINATE_REASON_ATTR_KEY, input.reason);
      return next(input);
    });

  readonly cancel: Intercept<'cancel'> = (input, next) =>
    instrument(this.#tracer, SpanName.WORKFLOW_CANCEL, (span) => {
      describe(span, input.workflowExecution);
      return next(input);
    });

  readonly describe: Intercept<'describe'> = (input, next) =>
    instrument(this.#tracer, SpanName.WORKFLOW_DESCRIBE, (span) => {
      describe(span, input.workflowExecution);
      return next(input);
    });
}

function describe(span: Span, { workflowId, runId }: Partial<WorkflowExecutionIds>): void {
  if (workflowId !== undefined) span.setAttribute(WORKFLOW_ID_ATTR_KEY, workflowId);
  if (runId !== undefined) span.setAttribute(RUN_ID_ATTR_KEY, runId);
}
