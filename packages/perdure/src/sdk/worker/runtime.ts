/**
 * What all workers of a process share: the logger, the exporter of metrics, and the signals that shut them down.
 *
 * By default a running worker shuts down on SIGINT, SIGTERM, SIGQUIT and SIGUSR2. The listeners exist only while a worker runs, so a
 * process without one keeps the platform's default behaviour.
 */
import { DefaultLogger, IllegalStateError, msToNumber, noopMetricMeter, RecordingMeter, ValueError, type Duration, type Logger, type MetricMeter } from '../common/index.js';
import type { MetricReceiver } from '../metrics/receiver.js';
import { startTelemetry, type Telemetry, type TelemetryOptions } from '../metrics/telemetry-options.js';

export interface RuntimeOptions {
  /** Where workers, workflows and activities log to. Default: `DefaultLogger` at level INFO, which writes to standard error. */
  readonly logger?: Logger;
  /**
   * Where metrics go: to Prometheus, to an OpenTelemetry collector, or into a buffer. Default: nowhere.
   *
   * @example { metrics: { prometheus: { bindAddress: '127.0.0.1:9464' } } }
   */
  readonly telemetryOptions?: TelemetryOptions;
  /** How often workers tell the server that they are alive: 1 to 60 s, or 0 for never. Default: 60 s. */
  readonly workerHeartbeatInterval?: Duration;
  /** Signals on which running workers shut down. `[]`: none. Default: SIGINT, SIGTERM, SIGQUIT, SIGUSR2. */
  readonly shutdownSignals?: readonly NodeJS.Signals[];
}

const DEFAULT_SHUTDOWN_SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGUSR2'];

export class Runtime {
  static #instance: Runtime | undefined;

  readonly logger: Logger;
  /** Makes metrics outside of workflows and activities, without any tags. */
  readonly metricMeter: MetricMeter;
  /** @internal Undefined: nobody wants metrics. */
  readonly metricReceiver: MetricReceiver | undefined;
  readonly #telemetry: Telemetry | undefined;
  /** @internal 0: none. */
  readonly workerHeartbeatIntervalMs: number;
  readonly #signals: readonly NodeJS.Signals[];
  readonly #shutdownCallbacks = new Set<() => void>();

  private constructor(options: RuntimeOptions) {
    this.logger = options.logger ?? new DefaultLogger('INFO');
    this.workerHeartbeatIntervalMs = msToNumber(options.workerHeartbeatInterval ?? '60s');
    if (this.workerHeartbeatIntervalMs !== 0 && !(this.workerHeartbeatIntervalMs >= 1_000 && this.workerHeartbeatIntervalMs <= 60_000)) {
      throw new ValueError(`workerHeartbeatInterval must be 0, or from 1 s to 60 s, got ${options.workerHeartbeatInterval}`);
    }
    this.#signals = options.shutdownSignals ?? DEFAULT_SHUTDOWN_SIGNALS;
    const metrics = options.telemetryOptions?.metrics;
    this.#telemetry = metrics && startTelemetry(metrics, this.logger);
    const receiver = this.#telemetry?.receiver;
    this.metricReceiver = receiver;
    this.metricMeter = receiver === undefined ? noopMetricMeter : new RecordingMeter((metric, value, tags) => receiver.seriesOf(metric, tags).record(value));
  }

  /**
   * Sets the options of the process. Call it before the first worker is created.
   *
   * @throws IllegalStateError when the runtime is in use already, ValueError for a wrong option.
   */
  static install(options: RuntimeOptions): Runtime {
    if (Runtime.#instance !== undefined) {
      throw new IllegalStateError('The Runtime exists already. Call Runtime.install() once, before the first Worker is created.');
    }
    return (Runtime.#instance = new Runtime(options));
  }

  /** The runtime of this process, made with default options if nobody installed one. */
  static instance(): Runtime {
    return (Runtime.#instance ??= new Runtime({}));
  }

  /** Ends the export of metrics, sending what there is. A runtime can be installed anew afterwards. Stop the workers first. */
  async shutdown(): Promise<void> {
    if (Runtime.#instance === this) Runtime.#instance = undefined;
    await this.#telemetry?.exporter?.close();
  }

  /** @internal The port that Prometheus can scrape, once it is known; undefined without. */
  get metricsPort(): Promise<number> | undefined {
    return this.#telemetry?.exporter?.port;
  }

  /** @internal Calls back on each shutdown signal, until the returned function is called. */
  onShutdownSignal(callback: () => void): () => void {
    if (this.#shutdownCallbacks.size === 0) for (const signal of this.#signals) process.on(signal, this.#receive);
    this.#shutdownCallbacks.add(callback);
    return () => {
      if (!this.#shutdownCallbacks.delete(callback) || this.#shutdownCallbacks.size > 0) return;
      for (const signal of this.#signals) process.off(signal, this.#receive);
    };
  }

  readonly #receive = (): void => {
    for (const callback of this.#shutdownCallbacks) callback();
  };
}
