/**
 * The namespaces, in memory: every request looks one up by its name, and every task token by its id.
 *
 * Authoritative are the namespace machines; this is a copy of all of them, loaded at start and kept up to date by the only writer, the
 * frontend of the same engine. Nothing is cached about names that do not exist: a namespace is there for the request after its
 * registration.
 */
import type { Host } from '../host/host.js';
import { NAMESPACE_KIND, type Namespace, type NamespaceChanges, type NamespaceInput, type NamespaceSettings } from '../machines/namespace/inputs.js';
import type { SearchAttributeTypes } from '../machines/search-attributes/names.js';
import { NamespaceState } from '../protocol/index.js';
import { NamespaceLimitBook } from './namespace-limits.js';
import { invalidArgument, namespaceInvalidState, namespaceNotFound, overloaded } from './refusals.js';
import type { NamespaceLimits } from './request-limits.js';
import { checkLength } from './validation.js';

/** A namespace as handlers see it. */
export interface ServedNamespace extends Namespace {
  /** What requests and runs in it may hold. */
  readonly limits: NamespaceLimits;
}

export class NamespaceRegistry {
  readonly #host: Host;
  readonly #limits: NamespaceLimitBook;
  readonly #byName = new Map<string, ServedNamespace>();
  readonly #byId = new Map<string, ServedNamespace>();

  /** @param limits is kept up to date with what namespaces say */
  constructor(host: Host, limits = new NamespaceLimitBook()) {
    this.#host = host;
    this.#limits = limits;
  }

  /** What holds where a namespace says nothing, and for all of them together. */
  get serverLimits(): NamespaceLimits {
    return this.#limits.server;
  }

  /** Loads the namespaces of these names from their machines. Called once, before the first request. */
  async load(names: readonly string[]): Promise<void> {
    for (const name of names) {
      const namespace = await this.#host.read(keyOf(name), (state: Namespace | undefined) => state);
      if (namespace !== undefined) this.#keep(namespace);
    }
  }

  find(name: string): ServedNamespace | undefined {
    return this.#byName.get(name);
  }

  /** The namespace of a request. @throws RpcError INVALID_ARGUMENT without a name, NOT_FOUND if there is no such namespace. */
  get(name: string): ServedNamespace {
    const namespace = this.#byName.get(name);
    if (namespace !== undefined) return namespace;
    if (name === '') throw invalidArgument('Namespace not set on request.');
    checkLength('Namespace', name, this.#limits.server);
    throw namespaceNotFound(name);
  }

  /** Like `get`, for what creates something. @throws RpcError FAILED_PRECONDITION if the namespace is deprecated. */
  getRegistered(name: string): ServedNamespace {
    const namespace = this.get(name);
    if (namespace.state !== NamespaceState.REGISTERED) throw namespaceInvalidState(name, namespace.state);
    return namespace;
  }

  getById(id: string): ServedNamespace {
    const namespace = this.#byId.get(id);
    if (namespace === undefined) throw namespaceNotFound(id);
    return namespace;
  }

  /** The namespace of a task token. Clients may leave the name out, but must not give another one. */
  ofToken(namespaceId: string, name: string): ServedNamespace {
    if (name !== '') this.get(name);
    const namespace = this.getById(namespaceId);
    if (name !== '' && name !== namespace.name) throw invalidArgument(`The token belongs to the namespace ${namespace.name}, not to ${name}.`);
    return namespace;
  }

  /** In the order of their names. */
  list(): ServedNamespace[] {
    return [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async register(name: string, settings: NamespaceSettings): Promise<ServedNamespace> {
    const { namespaces } = this.#limits.server;
    if (this.#byName.size >= namespaces) throw overloaded(`There are ${namespaces} namespaces, which is the limit.`);
    return this.#tell(name, { type: 'register', settings });
  }

  async update(name: string, settings: NamespaceChanges, state?: NamespaceState): Promise<ServedNamespace> {
    return this.#tell(name, { type: 'update', settings, state });
  }

  async addSearchAttributes(name: string, add: SearchAttributeTypes): Promise<ServedNamespace> {
    return this.#tell(name, { type: 'add-search-attributes', add, most: this.get(name).limits.customSearchAttributes });
  }

  async removeSearchAttributes(name: string, names: readonly string[]): Promise<ServedNamespace> {
    return this.#tell(name, { type: 'remove-search-attributes', names });
  }

  async #tell(name: string, input: NamespaceInput): Promise<ServedNamespace> {
    return this.#keep(await this.#host.send<Namespace>(keyOf(name), input));
  }

  #keep(namespace: Namespace): ServedNamespace {
    const served = { ...namespace, limits: this.#limits.keep(namespace.id, namespace.data) };
    this.#byName.set(namespace.name, served);
    this.#byId.set(namespace.id, served);
    return served;
  }
}

const keyOf = (name: string) => ({ kind: NAMESPACE_KIND, namespace: '', key: name });
