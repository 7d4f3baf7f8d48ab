/**
 * A plugin from a list of what it adds.
 *
 * Values are added to what the user gave: interceptors, activities and Nexus services are appended, fields of the data converter replaced. A function gets
 * what there is and says what shall be.
 */
import type { ServiceHandler } from 'nexus-rpc';
import type { ClientInterceptors, ClientOptions, ClientPlugin, ConnectionOptions, ConnectionPlugin, DataConverter, TLSConfig } from '../client/index.js';
import type { BundleOptions, BundlerPlugin, NativeConnectionPlugin, ReplayWorkerOptions, Worker, WorkerInterceptors, WorkerOptions, WorkerPlugin, WorkflowBundleOption } from '../worker/index.js';
import { activitiesOf } from '../worker/worker-options.js';

/** A value, or what makes it of the one that is there. */
export type PluginParameter<T> = T | ((existing: T | undefined) => T);

export interface SimplePluginOptions {
  /** For logs and for people: usually `organization.name`. */
  readonly name: string;
  /** Of connections. */
  readonly tls?: PluginParameter<TLSConfig | boolean | null>;
  /** Of connections. Does not replace a function that the user gave. */
  readonly apiKey?: PluginParameter<string>;
  /** Of clients and workers. Its fields replace those of the user's. */
  readonly dataConverter?: PluginParameter<DataConverter>;
  /** Appended. */
  readonly clientInterceptors?: PluginParameter<ClientInterceptors>;
  /** Added to the worker's. Of two of one name the plugin's counts. */
  readonly activities?: PluginParameter<object>;
  /** Appended. */
  readonly nexusServices?: PluginParameter<readonly ServiceHandler[]>;
  readonly workflowsPath?: PluginParameter<string>;
  readonly workflowBundle?: PluginParameter<WorkflowBundleOption>;
  /** Appended. */
  readonly workerInterceptors?: PluginParameter<WorkerInterceptors>;
  /** Around the run of the worker: for what must be open while it runs. */
  readonly runContext?: (next: () => Promise<void>) => Promise<void>;
}

/**
 * @example
 * const plugin = new SimplePlugin({ name: 'acme.billing', activities: { charge }, workerInterceptors: { activity: [timing] } });
 * const worker = await Worker.create({ taskQueue: 'billing', workflowsPath, plugins: [plugin] });
 */
export class SimplePlugin implements ClientPlugin, ConnectionPlugin, NativeConnectionPlugin, WorkerPlugin, BundlerPlugin {
  readonly name: string;
  protected readonly options: SimplePluginOptions;

  constructor(options: SimplePluginOptions) {
    this.name = options.name;
    this.options = options;
  }

  configureClient(options: Omit<ClientOptions, 'plugins'>): Omit<ClientOptions, 'plugins'> {
    const { dataConverter, clientInterceptors } = this.options;
    return {
      ...options,
      dataConverter: resolve(options.dataConverter, dataConverter, mergeFields),
      interceptors: resolve(options.interceptors, clientInterceptors, mergeClientInterceptors),
    };
  }

  configureConnection(options: ConnectionOptions): ConnectionOptions {
    const { tls, apiKey } = this.options;
    const given = options.apiKey;
    return { ...options, tls: resolve(options.tls, tls, replace), apiKey: typeof given === 'function' ? given : resolve(given, apiKey, replace) };
  }

  configureNativeConnection(options: ConnectionOptions): ConnectionOptions {
    return this.configureConnection(options);
  }

  configureWorker(options: WorkerOptions): WorkerOptions {
    const activities = resolve<object>(options.activities, this.options.activities, mergeActivities);
    const nexusServices = resolve<readonly ServiceHandler[]>(options.nexusServices, this.options.nexusServices, (existing, added) => append(existing, added) ?? []);
    return { ...options, ...this.#workflowOptions(options), ...(activities && { activities }), ...(nexusServices && { nexusServices }) };
  }

  configureReplayWorker(options: ReplayWorkerOptions): ReplayWorkerOptions {
    return { ...options, ...this.#workflowOptions(options) };
  }

  configureBundler(options: BundleOptions): BundleOptions {
    const interceptors = resolve(undefined, this.options.workerInterceptors, replace);
    return {
      ...options,
      workflowsPath: resolve(options.workflowsPath, this.options.workflowsPath, replace) ?? options.workflowsPath,
      workflowInterceptorModules: append(options.workflowInterceptorModules, interceptors?.workflowModules) ?? [],
    };
  }

  runWorker(worker: Worker, next: (worker: Worker) => Promise<void>): Promise<void> {
    const { runContext } = this.options;
    return runContext === undefined ? next(worker) : runContext(() => next(worker));
  }

  /** What workers and replays have in common. */
  #workflowOptions({ dataConverter, workflowsPath, workflowBundle, interceptors }: ReplayWorkerOptions): ReplayWorkerOptions {
    const { options } = this;
    const given = {
      dataConverter: resolve(dataConverter, options.dataConverter, mergeFields),
      workflowsPath: resolve(workflowsPath, options.workflowsPath, replace),
      workflowBundle: resolve(workflowBundle, options.workflowBundle, replace),
      interceptors: resolve(interceptors, options.workerInterceptors, mergeWorkerInterceptors),
    };
    return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  }
}

function resolve<T>(existing: T | undefined, parameter: PluginParameter<T> | undefined, merge: (existing: T, added: T) => T): T | undefined {
  if (parameter === undefined) return existing;
  if (typeof parameter === 'function') return (parameter as (existing: T | undefined) => T)(existing);
  return existing === undefined ? parameter : merge(existing, parameter);
}

function replace<T>(_existing: T, added: T): T {
  return added;
}

function mergeFields<T extends object>(existing: T, added: T): T {
  return { ...existing, ...added };
}

/** Either may be an instance of a class, whose methods must find their own `this`. */
function mergeActivities(existing: object, added: object): object {
  return Object.fromEntries([...activitiesOf(existing), ...activitiesOf(added)]);
}

/** Each once: a bundle made beforehand with this plugin has its modules already. */
function append<T>(existing: readonly T[] | undefined, added: readonly T[] | undefined): readonly T[] | undefined {
  return existing === undefined && added === undefined ? undefined : [...new Set([...(existing ?? []), ...(added ?? [])])];
}

function mergeClientInterceptors(existing: ClientInterceptors, added: ClientInterceptors): ClientInterceptors {
  const workflow = append(existing.workflow, added.workflow);
  return { ...existing, ...added, ...(workflow && { workflow }) };
}

function mergeWorkerInterceptors(existing: WorkerInterceptors, added: WorkerInterceptors): WorkerInterceptors {
  const activity = append(existing.activity, added.activity);
  const nexus = append(existing.nexus, added.nexus);
  const workflowModules = append(existing.workflowModules, added.workflowModules);
  const client = existing.client && added.client ? mergeClientInterceptors(existing.client, added.client) : (existing.client ?? added.client);
  return { ...(client && { client }), ...(activity && { activity }), ...(nexus && { nexus }), ...(workflowModules && { workflowModules }) };
}
