/** Spans outside of workflow code, where OpenTelemetry's API is at hand: a span around a call, and the trace into and out of headers. */
import { context, createTraceState, propagation, ROOT_CONTEXT, SpanStatusCode, trace, type Context, type Span, type SpanContext, type Tracer } from '@opentelemetry/api';
import type { Headers } from '../common/index.js';
import { carrierOf, formatCarrier, parseCarrier, withCarrier, type Carrier, type TraceContext } from './trace-context.js';

export interface InterceptorOptions {
  /** Default: one of the global tracer provider. */
  readonly tracer?: Tracer;
}

export function spanContextOf({ traceId, spanId, traceFlags, traceState }: TraceContext): SpanContext {
  return { traceId, spanId, traceFlags, ...(traceState !== undefined && { traceState: createTraceState(traceState) }) };
}

/** The context that travelled in headers; undefined if none did. Baggage is read by the global propagator, if there is one. */
export function contextFromHeaders(headers: Headers): Context | undefined {
  const carrier = carrierOf(headers);
  return carrier && contextFromCarrier(carrier);
}

export function contextFromCarrier(carrier: Carrier): Context | undefined {
  const extracted = propagation.extract(ROOT_CONTEXT, carrier);
  if (trace.getSpanContext(extracted) !== undefined) return extracted;
  const parsed = parseCarrier(carrier);
  return parsed && trace.setSpanContext(extracted, { ...spanContextOf(parsed), isRemote: true });
}

/** Headers with the span of a context, also where the program has set no propagator. */
export function headersWithContext(headers: Headers, active: Context): Headers {
  const carrier: Carrier = {};
  propagation.inject(active, carrier);
  const span = trace.getSpanContext(active);
  if (carrier['traceparent'] === undefined && span !== undefined) {
    const traceState = span.traceState?.serialize();
    Object.assign(carrier, formatCarrier({ traceId: span.traceId, spanId: span.spanId, traceFlags: span.traceFlags, ...(traceState && { traceState }) }));
  }
  return Object.keys(carrier).length === 0 ? headers : withCarrier(headers, carrier);
}

/** A span around a call. It ends when the promise does. `work` gets its context too: where the program has set no context manager, none is active. */
export function instrument<T>(tracer: Tracer, name: string, work: (span: Span, context: Context) => Promise<T>, parent: Context = context.active()): Promise<T> {
  return tracer.startActiveSpan(name, {}, parent, async (span) => {
    try {
      const result = await work(span, trace.setSpan(parent, span));
      span.setStatus({ code: SpanStatusCode.OK });
      return result;
    } catch (error) {
      span.recordException(error instanceof Error ? error : String(error));
      span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) });
      throw error;
    } finally {
      span.end();
    }
  });
}
