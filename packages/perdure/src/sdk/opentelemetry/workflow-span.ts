/** A span of a workflow that has ended, on its way from workflow code to the exporter: plain data. */
import type { Sinks } from 'perdure/workflow';
import type { TraceContext } from './trace-context.js';

export interface WorkflowSpan {
  readonly name: string;
  readonly context: TraceContext;
  readonly parent: TraceContext | undefined;
  /** Workflow time, milliseconds since the epoch: the same in a replay. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, string>>;
  readonly error?: { readonly type: string; readonly message: string; readonly stack: string };
}

/** The sink of the worker that takes spans. */
export interface OpenTelemetrySinks extends Sinks {
  exporter: { export(spans: WorkflowSpan[]): void };
}
