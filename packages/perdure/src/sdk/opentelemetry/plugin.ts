/** Tracing in one piece: the plugin of clients and workers. */
import type { ReplayWorkerOptions, WorkerOptions } from '../worker/index.js';
import { SimplePlugin } from '../plugin/index.js';
import { OpenTelemetryActivityInboundInterceptor, OpenTelemetryActivityOutboundInterceptor } from './activity-interceptors.js';
import { OpenTelemetryWorkflowClientInterceptor } from './client-interceptor.js';
import type { InterceptorOptions } from './instrument.js';
import { OpenTelemetryNexusInboundInterceptor, OpenTelemetryNexusOutboundInterceptor } from './nexus-interceptors.js';
import { makeWorkflowExporter, type WorkflowSpanExporter, type WorkflowSpanProcessor } from './workflow-exporter.js';

export interface OpenTelemetryPluginOptions extends InterceptorOptions {
  /** That of the program's tracer provider. */
  readonly resource: object;
  /** Takes the spans of workflows: the same that the tracer provider has. */
  readonly spanProcessor: WorkflowSpanProcessor | WorkflowSpanExporter;
}

/**
 * Traces client calls, workflows, activities and Nexus operations. Give it to the connection, and its clients and workers have it.
 *
 * @example
 * const plugins = [new OpenTelemetryPlugin({ resource, spanProcessor })];
 * const connection = await NativeConnection.connect({ plugins });
 */
export class OpenTelemetryPlugin extends SimplePlugin {
  readonly otelOptions: OpenTelemetryPluginOptions;

  constructor(otelOptions: OpenTelemetryPluginOptions) {
    const { tracer } = otelOptions;
    const options = tracer === undefined ? {} : { tracer };
    const clientInterceptors = { workflow: [new OpenTelemetryWorkflowClientInterceptor(options)] };
    super({
      name: 'OpenTelemetryPlugin',
      clientInterceptors,
      workerInterceptors: {
        activity: [
          (context) => ({ inbound: new OpenTelemetryActivityInboundInterceptor(context, options), outbound: new OpenTelemetryActivityOutboundInterceptor() }),
        ],
        nexus: [(context) => ({ inbound: new OpenTelemetryNexusInboundInterceptor(context, options), outbound: new OpenTelemetryNexusOutboundInterceptor() })],
        workflowModules: [new URL('./workflow-interceptors.js', import.meta.url).href],
      },
    });
    this.otelOptions = otelOptions;
  }

  override configureWorker(options: WorkerOptions): WorkerOptions {
    return this.#withSink(super.configureWorker(options));
  }

  override configureReplayWorker(options: ReplayWorkerOptions): ReplayWorkerOptions {
    return this.#withSink(super.configureReplayWorker(options));
  }

  #withSink<Options extends Pick<WorkerOptions, 'sinks'>>(options: Options): Options {
    const { spanProcessor, resource } = this.otelOptions;
    return { ...options, sinks: { ...options.sinks, exporter: makeWorkflowExporter(spanProcessor, resource) } };
  }
}
