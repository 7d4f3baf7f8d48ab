/**
 * The namespaces, in memory: every request looks one up by its name, and every task token by its id.
 *
 * Authoritative are the namespace machines; this is a copy of all of them, loaded at start and kept up to date by the only writer, the
 * frontend of the same engine. Nothing is cached about names that do not exist: a namespace is there for the request after its
 * registration.
 */
import type { Host } from '../host/host.js';
import { NAMESPACE_KIND, type Namespace, type NamespaceChanges, type NamespaceInput, type NamespaceSettings } from '../machines/namespace/inputs.js';
import { NamespaceState } from '../protocol/index.js';
import { invalidArgument, namespaceInvalidState, namespaceNotFound, overloaded } from './refusals.js';

/** Each is an entry in memory for as long as the engine lives. */
const MAX_NAMESPACES = 10_000;

export class NamespaceRegistry {
  readonly #host: Host;
  readonly #byName = new Map<string, Namespace>();
  readonly #byId = new Map<string, Namespace>();

  constructor(host: Host) {
    this.#host = host;
  }

  /** Loads the namespaces of these names from their machines. Called once, before the first request. */
  async load(names: readonly string[]): Promise<void> {
    for (const name of names) {
      const namespace = await this.#host.read(keyOf(name), (state: Namespace | undefined) => state);
      if (namespace !== undefined) this.#keep(namespace);
    }
  }

  find(name: string): Namespace | undefined {
    return this.#byName.get(name);
  }

  /** The namespace of a request. @throws RpcError INVALID_ARGUMENT without a name, NOT_FOUND if there is no such namespace. */
  get(name: string): Namespace {
    const namespace = this.#byName.get(name);
    if (namespace !== undefined) return namespace;
    throw name === '' ? invalidArgument('Namespace not set on request.') : namespaceNotFound(name);
  }

  /** Like `get`, for what creates something. @throws RpcError FAILED_PRECONDITION if the namespace is deprecated. */
  getRegistered(name: string): Namespace {
    const namespace = this.get(name);
    if (namespace.state !== NamespaceState.REGISTERED) throw namespaceInvalidState(name, namespace.state);
    return namespace;
  }

  getById(id: string): Namespace {
    const namespace = this.#byId.get(id);
    if (namespace === undefined) throw namespaceNotFound(id);
    return namespace;
  }

  /** The namespace of a task token. Clients may leave the name out, but must not give another one. */
  ofToken(namespaceId: string, name: string): Namespace {
    const namespace = this.getById(namespaceId);
    if (name !== '' && name !== namespace.name) throw invalidArgument(`The token belongs to the namespace ${namespace.name}, not to ${name}.`);
    return namespace;
  }

  /** In the order of their names. */
  list(): Namespace[] {
    return [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async register(name: string, settings: NamespaceSettings): Promise<Namespace> {
    if (this.#byName.size >= MAX_NAMESPACES) throw overloaded(`There are ${MAX_NAMESPACES} namespaces, which is the limit.`);
    return this.#tell(name, { type: 'register', settings });
  }

  async update(name: string, settings: NamespaceChanges, state?: NamespaceState): Promise<Namespace> {
    return this.#tell(name, { type: 'update', settings, state });
  }

  async #tell(name: string, input: NamespaceInput): Promise<Namespace> {
    const namespace = await this.#host.send<Namespace>(keyOf(name), input);
    this.#keep(namespace);
    return namespace;
  }

  #keep(namespace: Namespace): void {
    this.#byName.set(namespace.name, namespace);
    this.#byId.set(namespace.id, namespace);
  }
}

const keyOf = (name: string) => ({ kind: NAMESPACE_KIND, namespace: '', key: name });
