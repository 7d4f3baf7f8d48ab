/** Spans around handlers of Nexus operations, below the span of whoever called: the trace travels in the request's own headers, as text. */
import { trace, type Tracer } from '@opentelemetry/api';
import type { OperationContext } from 'nexus-rpc';
import type { NexusInboundCallsInterceptor, NexusOutboundCallsInterceptor } from '../nexus/interceptors.js';
import { contextFromCarrier, instrument, type InterceptorOptions } from './instrument.js';
import { NEXUS_OPERATION_ATTR_KEY, NEXUS_SERVICE_ATTR_KEY, SpanName, spanName } from './span-names.js';
import { logAttributesOf } from './trace-context.js';

/** The span is active in the handler, so the workflow that it starts is below it. */
export class OpenTelemetryNexusInboundInterceptor implements NexusInboundCallsInterceptor {
  readonly #tracer: Tracer;
  readonly #context: OperationContext;

  constructor(context: OperationContext, options: InterceptorOptions = {}) {
    this.#context = context;
    this.#tracer = options.tracer ?? trace.getTracer('perdure/opentelemetry/nexus');
  }

  readonly startOperation: NonNullable<NexusInboundCallsInterceptor['startOperation']> = (input, next) =>
    this.#instrument(SpanName.NEXUS_START_OPERATION_EXECUTE, () => next(input));

  readonly cancelOperation: NonNullable<NexusInboundCallsInterceptor['cancelOperation']> = (input, next) =>
    this.#instrument(SpanName.NEXUS_CANCEL_OPERATION_EXECUTE, () => next(input));

  #instrument<T>(name: SpanName, work: () => Promise<T>): Promise<T> {
    const { service, operation, headers } = this.#context;
    return instrument(
      this.#tracer,
      spanName(name, `${service}/${operation}`),
      (span) => {
        span.setAttributes({ [NEXUS_SERVICE_ATTR_KEY]: service, [NEXUS_OPERATION_ATTR_KEY]: operation });
        return work();
      },
      contextFromCarrier(headers),
    );
  }
}

/** Log lines of the handler carry `trace_id`, `span_id` and `trace_flags`. */
export class OpenTelemetryNexusOutboundInterceptor implements NexusOutboundCallsInterceptor {
  readonly getLogAttributes: NonNullable<NexusOutboundCallsInterceptor['getLogAttributes']> = (input, next) => {
    const span = trace.getActiveSpan()?.spanContext();
    return next(span === undefined ? input : { ...input, ...logAttributesOf(span) });
  };

  /** As they are: a trace id would make a series of each call. */
  readonly getMetricTags: NonNullable<NexusOutboundCallsInterceptor['getMetricTags']> = (input, next) => next(input);
}
