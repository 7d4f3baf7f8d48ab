/**
 * The engine: every room put together in one process.
 *
 * This is the composition root. It opens the store, starts the host, loads the namespaces, and hands out the router that doors serve and
 * the transport that clients and workers in the same process use. Nothing else in the server constructs rooms.
 */
import { CallbackAddresses } from '../frontend/callback-addresses.js';
import { Closing } from '../frontend/closing.js';
import { createRouter } from '../frontend/frontend.js';
import { NamespaceLimitBook } from '../frontend/namespace-limits.js';
import { NamespaceRegistry } from '../frontend/namespace-registry.js';
import { PendingQueries } from '../frontend/pending-queries.js';
import { WorkerPolls } from '../frontend/worker-polls.js';
import { Host } from '../host/host.js';
import { NAMESPACE_KIND } from '../machines/namespace/inputs.js';
import { typeOf, type SearchAttributeTypes } from '../machines/search-attributes/names.js';
import { namespaceMachine } from '../machines/namespace/namespace.js';
import { scheduleMachine } from '../machines/schedule/index.js';
import { createWorkflowMachine } from '../machines/workflow/index.js';
import { Matching } from '../matching/matching.js';
import { systemClock, systemRandom, type Clock, type HttpCaller, type Logger, type Random } from '../ports/index.js';
import { openSqliteStore, type Store } from '../store/index.js';
import { inProcess } from '../transport/in-process.js';
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
  /** Namespaces to make if they are missing, besides `default`. They keep closed workflow executions for 72 hours. */
  readonly namespaces?: readonly string[];
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
const NAMESPACES_PER_PAGE = 500;

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
  try {
    const limitBook = new NamespaceLimitBook(namespaceLimits(limits));
    const matching = new Matching({ clock, limits });
    const machines = [namespaceMachine, scheduleMachine, createWorkflowMachine((namespaceId) => limitBook.of(namespaceId))];
    host = new Host({ store, clock, random, matching, machines, couriers: [new CallbackCourier(httpCaller, callbackAddresses)], limits, logger, verify: options.verify === true });
    const namespaces = new NamespaceRegistry(host, limitBook);
    await namespaces.load(await namespaceNames(store));
    await makeNamespaces(namespaces, [DEFAULT_NAMESPACE, ...(options.namespaces ?? [])], searchAttributes);
    const router = createRouter({
      host,
      matching,
      clock,
      random,
      logger,
      namespaces,
      closing,
      callbackAddresses,
      queries: new PendingQueries(namespaces.serverLimits.queries),
      polls: new WorkerPolls(),
      clusterId: namespaces.get(DEFAULT_NAMESPACE).id,
    });
    await host.recover(LONGEST_RECOVERY_MS);
    return new RunningEngine(router, host, matching, store, closing, httpCaller, clock, options.filename);
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
    readonly httpCaller: HttpCaller,
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
    // What was being told to the outside is told again after the next start.
    this.httpCaller.close();
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

async function makeNamespaces(namespaces: NamespaceRegistry, names: readonly string[], attributes: SearchAttributeTypes): Promise<void> {
  const missing = [...new Set(names)].filter((name) => namespaces.find(name) === undefined);
  const settings = { description: '', ownerEmail: '', data: new Map<string, string>(), retentionMs: DEFAULT_RETENTION_MS };
  await Promise.all(missing.map((name) => namespaces.register(name, settings)));
  if (attributes.size > 0) await Promise.all([...new Set(names)].map((name) => namespaces.addSearchAttributes(name, attributes)));
}
