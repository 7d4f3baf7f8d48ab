/**
 * `perdure/opentelemetry`: tracing across clients, workflows and activities. Needs the package `@opentelemetry/api`.
 *
 * Traces join those of Temporal's other SDKs. Nothing of OpenTelemetry runs in workflow code.
 */
export { OpenTelemetryActivityInboundInterceptor, OpenTelemetryActivityOutboundInterceptor } from './activity-interceptors.js';
export { OpenTelemetryWorkflowClientInterceptor } from './client-interceptor.js';
export { OpenTelemetryNexusInboundInterceptor, OpenTelemetryNexusOutboundInterceptor } from './nexus-interceptors.js';
export type { InterceptorOptions } from './instrument.js';
export { OpenTelemetryPlugin, type OpenTelemetryPluginOptions } from './plugin.js';
export { SpanName } from './span-names.js';
export { TRACE_HEADER } from './trace-context.js';
export { makeWorkflowExporter, type WorkflowSpanExporter, type WorkflowSpanProcessor } from './workflow-exporter.js';
export type { OpenTelemetrySinks, WorkflowSpan } from './workflow-span.js';
