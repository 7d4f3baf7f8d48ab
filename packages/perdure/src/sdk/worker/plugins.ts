/** Plugins of workers: what they may configure, and how they come around `run`. */
import { allPlugins } from '../client/plugins.js';
import type { ReplayWorkerOptions } from './replay.js';
import type { WorkerOptions } from './worker-options.js';
import type { Worker } from './worker.js';

/** See {@link allPlugins} for where plugins come from and in which order they are applied. */
export interface WorkerPlugin {
  readonly name: string;
  /** Called when a worker is created, with the options as earlier plugins left them. */
  configureWorker?(options: WorkerOptions): WorkerOptions | Promise<WorkerOptions>;
  /** Called before histories are replayed. */
  configureReplayWorker?(options: ReplayWorkerOptions): ReplayWorkerOptions | Promise<ReplayWorkerOptions>;
  /** Around the run of the worker: call `next(worker)`. The first plugin is the outermost. Not called for a replay. */
  runWorker?(worker: Worker, next: (worker: Worker) => Promise<void>): Promise<void>;
}

/** The options as the plugins want them; `plugins` are those that were asked. */
export async function configuredWorker(options: WorkerOptions): Promise<WorkerOptions> {
  const plugins = allPlugins(options.plugins, options.connection?.plugins);
  let configured = options;
  for (const plugin of plugins) configured = (await plugin.configureWorker?.(configured)) ?? configured;
  return plugins.length === 0 ? options : { ...configured, plugins };
}

export async function configuredReplay(options: ReplayWorkerOptions): Promise<ReplayWorkerOptions> {
  let configured = options;
  for (const plugin of options.plugins ?? []) configured = (await plugin.configureReplayWorker?.(configured)) ?? configured;
  return configured;
}

/** `run`, with all plugins around it. */
export function throughPlugins(plugins: readonly WorkerPlugin[], worker: Worker, run: (worker: Worker) => Promise<void>): Promise<void> {
  const outermost = plugins.reduceRight<(worker: Worker) => Promise<void>>(
    (next, plugin) => (plugin.runWorker === undefined ? next : (running) => plugin.runWorker?.(running, next) ?? next(running)),
    run,
  );
  return outermost(worker);
}
