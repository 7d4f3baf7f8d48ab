/**
 * The worker's end of workflow tracing: makes spans of what workflow code told, and hands them to a span processor.
 *
 * OpenTelemetry's API cannot make a span with a given id, so the processor of the program's tracing SDK is asked directly. The spans have
 * the fields of both versions 1 and 2 of that SDK.
 */
import { SpanKind, SpanStatusCode, TraceFlags, type HrTime, type SpanContext } from '@opentelemetry/api';
import type { InjectedSink } from '../worker/index.js';
import { spanContextOf } from './instrument.js';
import type { OpenTelemetrySinks, WorkflowSpan } from './workflow-span.js';

/** A `SpanProcessor` of OpenTelemetry's tracing SDK, version 1 or 2. */
export interface WorkflowSpanProcessor {
  onEnd(span: { readonly name: string }): void;
}

/** A `SpanExporter` of OpenTelemetry's tracing SDK. Prefer a processor, which batches. */
export interface WorkflowSpanExporter {
  export(spans: readonly { readonly name: string }[], done: (result: { readonly code: number }) => void): void;
}

const SCOPE = { name: 'perdure/opentelemetry/workflow' };

/**
 * The sink that takes spans of workflow code: name it `exporter` in the worker's option `sinks`.
 *
 * @param resource that of the program's tracer provider, which spans must name as their source.
 */
export function makeWorkflowExporter(processor: WorkflowSpanProcessor | WorkflowSpanExporter, resource: object): InjectedSink<OpenTelemetrySinks['exporter']> {
  return {
    export: {
      fn(_info, spans) {
        const finished = spans.filter(({ context }) => (context.traceFlags & TraceFlags.SAMPLED) !== 0).map((span) => readableSpan(span, resource));
        if (finished.length === 0) return;
        if ('onEnd' in processor) for (const span of finished) processor.onEnd(span);
        else processor.export(finished, () => undefined);
      },
    },
  };
}

function readableSpan({ name, context, parent, startMs, endMs, attributes, error }: WorkflowSpan, resource: object) {
  const own: SpanContext = spanContextOf(context);
  const startTime = hrTime(startMs);
  const endTime = hrTime(endMs);
  return {
    name,
    kind: SpanKind.INTERNAL,
    spanContext: () => own,
    parentSpanId: parent?.spanId,
    parentSpanContext: parent && { ...spanContextOf(parent), isRemote: true },
    startTime,
    endTime,
    duration: hrTime(Math.max(0, endMs - startMs)),
    status: error === undefined ? { code: SpanStatusCode.OK } : { code: SpanStatusCode.ERROR, message: error.message },
    attributes: { ...attributes },
    links: [],
    events: error === undefined ? [] : [exceptionEvent(error, endTime)],
    ended: true,
    resource,
    instrumentationLibrary: SCOPE,
    instrumentationScope: SCOPE,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

function exceptionEvent({ type, message, stack }: NonNullable<WorkflowSpan['error']>, time: HrTime) {
  const attributes = { 'exception.type': type, 'exception.message': message, 'exception.stacktrace': stack };
  return { name: 'exception', time, attributes, droppedAttributesCount: 0 };
}

/** Seconds and nanoseconds. */
function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.round((ms - seconds * 1_000) * 1e6)];
}
