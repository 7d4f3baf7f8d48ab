/**
 * The engine: every room put together in one process.
 *
 * This is the composition root. It opens the store, starts the host, loads the namespaces, and hands out the router that doors serve and
 * the transport that clients and workers in the same process use. Nothing else in the server constructs rooms.
 */
import { Closing } from '../frontend/closing.js';
import { createRouter } from '../frontend/frontend.js';
import { NamespaceRegistry } from '../frontend/namespace-registry.js';
import { PendingQueries } from '../frontend/pending-queries.js';
import { WorkerPolls } from '../frontend/worker-polls.js';
import { Host } from '../host/host.js';
import { NAMESPACE_KIND } from '../machines/namespace/inputs.js';
import { namespaceMachine } from '../machines/namespace/namespace.js';
import { createWorkflowMachine } from '../machines/workflow/index.js';
import { Matching } from '../matching/matching.js';
import { systemClock, systemRandom, type Clock, type Logger, type Random } from '../ports/index.js';
import { openSqliteStore, type Store } from '../store/index.js';
import { inProcess } from '../transport/in-process.js';
import type { Router, Transport } from '../transport/transport.js';
import { consoleLogger } from './console-logger.js';

export interface EngineOptions {
  /** The SQLite file that holds all data. It and its folder are made if they are missing. One process owns it at a time. */
  readonly filename?: string;
  /** Keep everything in memory; it is gone when the engine closes. Either this or `filename`. */
  readonly ephemeral?: boolean;
  /** Namespaces to make if they are missing, besides `default`. They keep closed workflow executions for 72 hours. */
  readonly namespaces?: readonly string[];
  /** Default: warnings and errors on standard error. */
  readonly logger?: Logger;
  /** Where time comes from. Default: the machine's clock. */
  readonly clock?: Clock;
  /** Where ids and jitter come from. Default: the operating system. */
  readonly random?: Random;
  /** A store of one's own in the place of SQLite. The engine closes it. */
  readonly store?: Store;
  /** Check after every step that what is journalled adds up to the state in memory. For tests: slow. Default: false. */
  readonly verify?: boolean;
}

const DEFAULT_NAMESPACE = 'default';
const DEFAULT_RETENTION_MS = 72 * 3_600_000;
const NAMESPACES_PER_PAGE = 500;

/**
 * Opens an engine inside this process. Clients and workers attach to it without a port.
 *
 * @throws StoreLockedError, StoreCorruptError, StoreTooNewError, StoreUnavailableError: the file cannot be used; it was not changed.
 * @example
 * ```ts
 * await using engine = await openEngine({ filename: 'app.db' });
 * const client = new Client({ connection: Connection.from(engine.transport) });
 * ```
 */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const { clock = systemClock, random = systemRandom(clock), logger = consoleLogger() } = options;
  const store = options.store ?? (await openSqliteStore({ filename: storeFilename(options) }));
  const closing = new Closing();
  let host: Host | undefined;
  try {
    const matching = new Matching({ clock });
    host = new Host({ store, clock, random, matching, machines: [namespaceMachine, createWorkflowMachine()], verify: options.verify === true });
    const namespaces = new NamespaceRegistry(host);
    await namespaces.load(await namespaceNames(store));
    await makeNamespaces(namespaces, [DEFAULT_NAMESPACE, ...(options.namespaces ?? [])]);
    const router = createRouter({
      host,
      matching,
      clock,
      random,
      logger,
      namespaces,
      closing,
      queries: new PendingQueries(),
      polls: new WorkerPolls(),
      clusterId: namespaces.get(DEFAULT_NAMESPACE).id,
    });
    await host.recover();
    return new RunningEngine(router, host, matching, store, closing, clock, options.filename);
  } catch (error) {
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
    readonly matching: Matching,
    readonly store: Store,
    readonly closing: Closing,
    clock: Clock,
    readonly filename: string | undefined,
  ) {
    this.transport = inProcess(router, { now: () => clock.now() });
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

async function namespaceNames(store: Store): Promise<string[]> {
  const names: string[] = [];
  let after: string | undefined;
  do {
    const page = await store.machines({ kind: NAMESPACE_KIND, namespace: '' }, { limit: NAMESPACES_PER_PAGE, ...(after !== undefined && { after }) });
    names.push(...page.items.map((item) => item.key));
    after = page.next;
  } while (after !== undefined);
  return names;
}

async function makeNamespaces(namespaces: NamespaceRegistry, names: readonly string[]): Promise<void> {
  const missing = [...new Set(names)].filter((name) => namespaces.find(name) === undefined);
  const settings = { description: '', ownerEmail: '', data: new Map<string, string>(), retentionMs: DEFAULT_RETENTION_MS };
  await Promise.all(missing.map((name) => namespaces.register(name, settings)));
}
