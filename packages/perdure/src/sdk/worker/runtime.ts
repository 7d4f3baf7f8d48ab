/**
 * What all workers of a process share: the logger, and the signals that shut them down.
 *
 * By default a running worker shuts down on SIGINT, SIGTERM, SIGQUIT and SIGUSR2. The listeners exist only while a worker runs, so a
 * process without one keeps the platform's default behaviour.
 */
import { DefaultLogger, IllegalStateError, type Logger } from '../common/index.js';

export interface RuntimeOptions {
  /** Where workers, workflows and activities log to. Default: `DefaultLogger` at level INFO, which writes to standard error. */
  readonly logger?: Logger;
  /** Signals on which running workers shut down. `[]`: none. Default: SIGINT, SIGTERM, SIGQUIT, SIGUSR2. */
  readonly shutdownSignals?: readonly NodeJS.Signals[];
}

const DEFAULT_SHUTDOWN_SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGUSR2'];

export class Runtime {
  static #instance: Runtime | undefined;

  readonly logger: Logger;
  readonly #signals: readonly NodeJS.Signals[];
  readonly #shutdownCallbacks = new Set<() => void>();

  private constructor(options: RuntimeOptions) {
    this.logger = options.logger ?? new DefaultLogger('INFO');
    this.#signals = options.shutdownSignals ?? DEFAULT_SHUTDOWN_SIGNALS;
  }

  /**
   * Sets the options of the process. Call it before the first worker is created.
   *
   * @throws IllegalStateError when the runtime is in use already.
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
