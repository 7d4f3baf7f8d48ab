/**
 * Trace context as it travels in Temporal headers: W3C `traceparent`, `tracestate` and `baggage`, as one JSON payload under one key.
 *
 * The key and the form are those of the other SDKs' tracing interceptors, so traces join across languages. Runs in workflow code as well as
 * outside; knows nothing of OpenTelemetry's packages.
 */
import { defaultPayloadConverter, type Headers } from 'perdure/common';

export const TRACE_HEADER = '_tracer-data';

/** A span, as its children know it. */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** 1: sampled. */
  readonly traceFlags: number;
  /** As it came. */
  readonly traceState?: string;
  /** As it came. */
  readonly baggage?: string;
}

/** What travels: header names to values. */
export type Carrier = Record<string, string>;

export function carrierOf(headers: Headers): Carrier | undefined {
  const payload = headers[TRACE_HEADER];
  if (payload === undefined) return undefined;
  try {
    const carrier: unknown = defaultPayloadConverter.fromPayload(payload);
    return typeof carrier === 'object' && carrier !== null ? (carrier as Carrier) : undefined;
  } catch {
    // Somebody else's data under our key: no reason to fail anything.
    return undefined;
  }
}

export function withCarrier(headers: Headers, carrier: Carrier): Headers {
  return { ...headers, [TRACE_HEADER]: defaultPayloadConverter.toPayload(carrier) };
}

/** @returns undefined for no context, or one that is not valid. */
export function parseCarrier({ traceparent, tracestate, baggage }: Carrier): TraceContext | undefined {
  const match = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})/.exec(String(traceparent));
  const [, traceId = '', spanId = '', flags = ''] = match ?? [];
  if (match === null || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return {
    traceId,
    spanId,
    traceFlags: parseInt(flags, 16),
    ...(typeof tracestate === 'string' && tracestate !== '' && { traceState: tracestate }),
    ...(typeof baggage === 'string' && baggage !== '' && { baggage }),
  };
}

export function formatCarrier({ traceId, spanId, traceFlags, traceState, baggage }: TraceContext): Carrier {
  return {
    traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
    ...(traceState !== undefined && { tracestate: traceState }),
    ...(baggage !== undefined && { baggage }),
  };
}

export function readTraceContext(headers: Headers): TraceContext | undefined {
  const carrier = carrierOf(headers);
  return carrier && parseCarrier(carrier);
}

export function withTraceContext(headers: Headers, context: TraceContext): Headers {
  return withCarrier(headers, formatCarrier(context));
}

/** What log lines of a span carry. */
export function logAttributesOf({ traceId, spanId, traceFlags }: Pick<TraceContext, 'traceId' | 'spanId' | 'traceFlags'>): Record<string, string> {
  return { trace_id: traceId, span_id: spanId, trace_flags: `0${traceFlags.toString(16)}`.slice(-2) };
}
