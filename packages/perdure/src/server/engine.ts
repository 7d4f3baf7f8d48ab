/**
 * The engine: every room put together in one process.
 *
 * This is the composition root. It opens the store, starts the host, loads the namespaces, and hands out the router that doors serve and
 * the transport that clients and workers in the same process use. Nothing else in the server constructs rooms.
 */
import { BatchResetCourier } from '../frontend/batch-reset.js';
import { CallbackAddresses } from '../frontend/callback-addresses.js';
import { Closing } from '../frontend/closing.js';
import { DeploymentBook } from '../frontend/deployment-book.js';
import { everyMachine } from '../frontend/every-machine.js';
import { ExecutionsPageCourier } from '../frontend/executions-page.js';
import { createRouter } from '../frontend/frontend.js';
import { NamespaceLimitBook } from '../frontend/namespace-limits.js';
import { NamespaceRegistry, type NamespaceAddress } from '../frontend/namespace-registry.js';
import { EndpointRegistry } from '../frontend/nexus/endpoint-registry.js';
import { NexusCourier } from '../frontend/nexus/nexus-courier.js';
import { NexusDoor } from '../frontend/nexus/nexus-door.js';
import { NexusRequests } from '../frontend/nexus/nexus-requests.js';
import { PendingQueries } from '../frontend/pending-queries.js';
import { PinnedRunsCourier } from '../frontend/pinned-runs.js';
import type { Rooms } from '../frontend/rooms.js';
import { TaskQueueSettings } from '../frontend/task-queue-settings.js';
import { WorkerPolls } from '../frontend/worker-polls.js';
import { Host } from '../host/host.js';
import { ACTIVITY_KIND, createActivityMachine, type ActivityInput } from '../machines/activity/index.js';
import { BATCH_KIND, batchMachine, type BatchInput } from '../machines/batch/index.js';
import { DEPLOYMENT_KIND, deploymentMachine, type DeploymentInput } from '../machines/deployment/index.js';
import { NAMESPACE_KIND } from '../machines/namespace/inputs.js';
import { nexusEndpointsMachine } from '../machines/nexus-endpoints/endpoints.js';
import { typeOf, type SearchAttributeTypes } from '../machines/search-attributes/names.js';
import { namespaceMachine } from '../machines/namespace/namespace.js';
import { SCHEDULE_KIND, scheduleMachine, type ScheduleInput } from '../machines/schedule/index.js';
import { createWorkflowMachine, WORKFLOW_KIND, type WorkflowInput } from '../machines/workflow/index.js';
import { TASK_QUEUE_KIND, type TaskQueueInput } from '../machines/task-queue/inputs.js';
import { taskQueueMachine } from '../machines/task-queue/task-queue.js';
import { Matching, type Backlog } from '../matching/matching.js';
import { systemClock, systemRandom, type Clock, type HttpCaller, type Logger, type Random } from '../ports/index.js';
import { Retention, type Kind } from '../retention/retention.js';
import { NamespaceState } from '../protocol/index.js';
import { openSqliteStore, type Store } from '../store/index.js';
import { inProcess } from '../transport/in-process.js';
import { CallMeters } from '../metrics/call-meters.js';
import type { MetricRegistry } from '../metrics/instruments.js';
import { engineMetrics } from './metrics/engine-metrics.js';
import type { Router, Transport } from '../transport/transport.js';
import { CallbackCourier } from './callback-courier.js';
import { consoleLogger } from './console-logger.js';
import { openHttpCaller } from './http-caller.js';
import { checkLimits, namespaceLimits, type Limits } from './limits.js';

export interface EngineOptions {
  /** The SQLite file that holds all data. It and its folder are made if they are missing. One process owns it at a time. */
  readonly filename?: string;
  /** Keep everything in memory; it is gone when the engine closes. Either this or `filename`. */
  readonly ephemeral?: boolean;
  /** Namespaces to make if they are missing, besides `default`. */
  readonly namespaces?: readonly string[];
  /** How long namespaces that are made keep what is closed. Default: 72 hours. */
  readonly retentionMs?: number;
  /** Custom search attributes to make if they are missing, in `default` and in `namespaces`: name → type, for example `{ CustomerId: 'Keyword' }`. */
  readonly searchAttributes?: Readonly<Record<string, SearchAttributeTypeName>>;
  /**
   * Where completion callbacks may be sent: `https://*.example.com`, `http://localhost:*`. `*` stands for any characters of a host, or any
   * port. Default: nowhere.
   */
  readonly callbackAddresses?: readonly string[];
  /** Who makes the HTTP calls. Default: this process. The engine closes it. */
  readonly httpCaller?: HttpCaller;
  /** Default: warnings and errors on standard error. */
  readonly logger?: Logger;
  /** Where time comes from. Default: the machine's clock. */
  readonly clock?: Clock;
  /** Where ids and jitter come from. Default: the operating system. */
  readonly random?: Random;
  /** A store of one's own in the place of SQLite. The engine closes it. */
  readonly store?: Store;
  /** Limits that differ from the defaults, by name. A namespace's own data can change those of the namespace again. */
  readonly limits?: Limits;
  /** Check after every step that what is journalled adds up to the state in memory. For tests: slow. Default: false. */
  readonly verify?: boolean;
}

/** Machines that are due after a long absence come back beside requests, if they are many. */
const LONGEST_RECOVERY_MS = 1_000;
const DEFAULT_NAMESPACE = 'default';
const DEFAULT_RETENTION_MS = 72 * 3_600_000;

/**
 * Opens an engine inside this process. Clients and workers attach to it without a port.
 *
 * @throws TypeError: a limit is unknown or out of range. StoreLockedError, StoreCorruptError, StoreTooNewError, StoreUnavailableError: the file cannot be used; it was not changed.
 * @example
 * ```ts
 * await using engine = await openEngine({ filename: 'app.db' });
 * const client = new Client({ connection: Connection.from(engine.transport) });
 * ```
 */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const { clock = systemClock, random = systemRandom(clock), logger = consoleLogger() } = options;
  const limits = checkLimits(options.limits ?? {});
  const callbackAddresses = new CallbackAddresses(options.callbackAddresses ?? []);
  const searchAttributes = readSearchAttributes(options.searchAttributes ?? {});
  const httpCaller = options.httpCaller ?? openHttpCaller();
  const store = options.store ?? (await openSqliteStore({ filename: storeFilename(options) }));
  const closing = new Closing();
  let host: Host | undefined;
  let registry: NamespaceRegistry | undefined;
  try {
    const limitBook = new NamespaceLimitBook(namespaceLimits(limits));
    const matching = new Matching({ clock, limits });
    const calls = new CallMeters();
    const pages = new ExecutionsPageCourier();
    const resets = new BatchResetCourier();
    const callbacks = new CallbackCourier(httpCaller, callbackAddresses);
    const nexus = new NexusCourier();
    const pinnedRuns = new PinnedRunsCourier();
    const machines = [namespaceMachine, nexusEndpointsMachine, taskQueueMachine, deploymentMachine, scheduleMachine, batchMachine, createActivityMachine((namespaceId) => limitBook.of(namespaceId)), createWorkflowMachine((namespaceId) => limitBook.of(namespaceId), (namespaceId) => registry?.serves(namespaceId) ?? true)];
    host = new Host({ store, clock, random, matching, machines, couriers: [callbacks, pages, resets, pinnedRuns, nexus], limits, logger, verify: options.verify === true });
    const namespaces = (registry = new NamespaceRegistry(host, limitBook));
    await namespaces.load(await namespaceAddresses(store));
    await makeNamespaces(namespaces, [DEFAULT_NAMESPACE, ...(options.namespaces ?? [])], searchAttributes, options.retentionMs ?? DEFAULT_RETENTION_MS);
    const taskQueues = new TaskQueueSettings(host, matching);
    await taskQueues.load(namespaces.list().map(({ id }) => id));
    const deployments = new DeploymentBook(host, matching);
    await deployments.load(namespaces.list().map(({ id }) => id));
    pinnedRuns.open(host);
    pages.open({ host, namespaces });
    callbacks.open(host);
    const nexusEndpoints = new EndpointRegistry(host);
    await nexusEndpoints.load();
    const nexusRequests = new NexusRequests({ matching, clock, random, closing, limit: namespaces.serverLimits.nexusRequests });
    const nexusDoor = new NexusDoor({ host, namespaces, endpoints: nexusEndpoints, requests: nexusRequests });
    const rooms: Rooms = {
      host,
      matching,
      clock,
      random,
      logger,
      calls,
      namespaces,
      closing,
      callbackAddresses,
      queries: new PendingQueries(namespaces.serverLimits.queries),
      polls: new WorkerPolls(),
      nexusEndpoints,
      nexusDoor,
      httpCaller,
      nexusRequests,
      taskQueues,
      deployments,
      clusterId: namespaces.get(DEFAULT_NAMESPACE).id,
    };
    const router = createRouter(rooms);
    resets.open(rooms);
    nexus.open(rooms);
    await host.recover(LONGEST_RECOVERY_MS);
    const retention = openRetention(host, namespaces, [taskQueues, deployments], clock, logger);
    const metrics = engineMetrics({ host, matching, calls, clock });
    return new RunningEngine(router, host, retention, matching, store, closing, httpCaller, clock, metrics, options.filename, nexusDoor);
  } catch (error) {
    httpCaller.close();
    await host?.close().catch(() => {});
    await store.close();
    throw error;
  }
}

/** An engine that runs in this process. */
export interface Engine extends AsyncDisposable {
  /** The RPCs that the engine serves: what a door needs. */
  readonly router: Router;
  /** For clients and workers in this process: `Connection.from(engine.transport)`, or the engine itself as `connection`. */
  readonly transport: Transport;
  /** The file that holds the data; `undefined` if it is in memory or in a store of one's own. */
  readonly filename: string | undefined;
  /** The task queues on which tasks wait for workers. */
  backlogs(): Iterable<Backlog>;
  /** What servers outside may ask by Nexus. Who serves it over HTTP says at which URL completions are taken. */
  readonly nexusDoor: Pick<NexusDoor, 'ask' | 'complete' | 'callbackUrl'>;
  /** What the engine counts, to be read by whoever serves it. */
  readonly metrics: MetricRegistry;
  /** Why the engine takes no requests now; `undefined` if it does. */
  unreadyBecause(): string | undefined;
  /** Ends every wait (long polls answer that nothing came) and refuses new ones. Called by doors that close; `close` does it too. */
  endWaits(): void;
  /** Ends every wait, awaits the commit under way, and closes the store. Idempotent. */
  close(): Promise<void>;
}

class RunningEngine implements Engine {
  readonly transport: Transport;
  #closed: Promise<void> | undefined;

  constructor(
    readonly router: Router,
    readonly host: Host,
    readonly retention: Retention,
    readonly matching: Matching,
    readonly store: Store,
    readonly closing: Closing,
    readonly httpCaller: HttpCaller,
    clock: Clock,
    readonly metrics: MetricRegistry,
    readonly filename: string | undefined,
    readonly nexusDoor: NexusDoor,
  ) {
    this.transport = inProcess(router, { now: () => clock.now() });
  }

  backlogs(): Iterable<Backlog> {
    return this.matching.backlogs();
  }

  unreadyBecause(): string | undefined {
    if (this.closing.begun) return 'The engine is closing.';
    return this.host.isStuck ? 'The store takes no commits.' : undefined;
  }

  endWaits(): void {
    this.closing.begin();
    this.matching.close();
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    this.endWaits();
    await this.transport.close();
    // What was being told to the outside is told again after the next start.
    this.httpCaller.close();
    await this.retention.close();
    await this.host.close();
    await this.store.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function storeFilename({ filename, ephemeral = false }: EngineOptions): string {
  if (ephemeral === (filename !== undefined)) {
    throw new TypeError('An engine needs a place for its data: give either a filename, or ephemeral: true to keep everything in memory.');
  }
  return filename ?? ':memory:';
}

async function namespaceAddresses(store: Store): Promise<NamespaceAddress[]> {
  const addresses: NamespaceAddress[] = [];
  for await (const address of everyMachine(store, { kind: NAMESPACE_KIND, namespace: '' })) addresses.push(address);
  return addresses;
}

/** Everything that lives in namespaces, in the order in which it goes when its namespace is deleted: first what makes others. */
const KINDS: readonly Kind[] = [
  { kind: TASK_QUEUE_KIND, deletion: { type: 'delete' } satisfies TaskQueueInput, expires: false },
  { kind: DEPLOYMENT_KIND, deletion: { type: 'delete' } satisfies DeploymentInput, expires: false },
  { kind: SCHEDULE_KIND, deletion: { type: 'delete' } satisfies ScheduleInput, expires: false },
  { kind: BATCH_KIND, deletion: { type: 'delete' } satisfies BatchInput, expires: true },
  { kind: WORKFLOW_KIND, deletion: { type: 'delete' } satisfies WorkflowInput, expires: true },
  { kind: ACTIVITY_KIND, deletion: { type: 'delete' } satisfies ActivityInput, expires: true },
];

function openRetention(host: Host, namespaces: NamespaceRegistry, books: readonly { forget(namespace: string): void }[], clock: Clock, logger: Logger): Retention {
  const retention = new Retention({ host, clock, logger, kinds: KINDS, forget: (namespace) => namespaces.forget(namespace) });
  host.onClosed = ({ kind, namespace }) => retention.closed(kind, namespace);
  namespaces.onChange = (namespace) => {
    if (namespace.state === NamespaceState.DELETED) for (const book of books) book.forget(namespace.id);
    retention.take(namespace);
  };
  for (const namespace of namespaces.list()) retention.take(namespace);
  return retention;
}

/** For example `Keyword`. */
export type SearchAttributeTypeName = 'Text' | 'Keyword' | 'Int' | 'Double' | 'Bool' | 'Datetime' | 'KeywordList';

function readSearchAttributes(attributes: Readonly<Record<string, string>>): SearchAttributeTypes {
  return new Map(
    Object.entries(attributes).map(([name, written]) => {
      const type = typeOf(written);
      if (type === undefined) throw new TypeError(`The search attribute ${name} has the unknown type "${written}": Text, Keyword, Int, Double, Bool, Datetime and KeywordList exist.`);
      return [name, type];
    }),
  );
}

async function makeNamespaces(namespaces: NamespaceRegistry, names: readonly string[], attributes: SearchAttributeTypes, retentionMs: number): Promise<void> {
  const missing = [...new Set(names)].filter((name) => namespaces.find(name) === undefined);
  const settings = { description: '', ownerEmail: '', data: new Map<string, string>(), retentionMs };
  await Promise.all(missing.map((name) => namespaces.register(name, settings)));
  if (attributes.size > 0) await Promise.all([...new Set(names)].map((name) => namespaces.addSearchAttributes(name, attributes)));
}
