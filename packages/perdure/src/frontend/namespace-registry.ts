/**
 * The namespaces, in memory: every request looks one up by its name, and every task token by its id.
 *
 * Authoritative are the namespace machines; this is a copy of all of them, loaded at start and kept up to date by the only writer, the
 * frontend of the same engine. Nothing is cached about names that do not exist: a namespace is there for the request after its
 * registration. A namespace that is being deleted is here under its new name, until nothing of it is left.
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

/** Where a namespace is kept: the key of its machine, and its id. */
export interface NamespaceAddress {
  readonly key: string;
  readonly machine: string;
}

/** Characters of its id that a deleted namespace carries in its name, if that makes it unique. */
const SUFFIX_LENGTH = 5;

export class NamespaceRegistry {
  /** Hears of each namespace that is new or has changed; of one that is gone, with its latest state. Must be quick. */
  onChange: (namespace: ServedNamespace) => void = () => {};
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

  /** Loads namespaces from their machines. Called once, before the first request. */
  async load(addresses: readonly NamespaceAddress[]): Promise<void> {
    for (const { key, machine } of addresses) {
      const namespace = await this.#host.read({ ...keyOf(key), machine }, (state: Namespace | undefined) => state);
      if (namespace !== undefined) this.#keep(namespace);
    }
  }

  /** Also one that is being deleted. */
  find(name: string): ServedNamespace | undefined {
    return this.#byName.get(name);
  }

  /**
   * The namespace of a request.
   * @throws RpcError INVALID_ARGUMENT without a name, NOT_FOUND if there is no such namespace, FAILED_PRECONDITION if it is being deleted
   */
  get(name: string): ServedNamespace {
    const namespace = this.#byName.get(name);
    if (namespace !== undefined) return inUse(namespace);
    if (name === '') throw invalidArgument('Namespace not set on request.');
    checkLength('Namespace', name, this.#limits.server);
    throw namespaceNotFound(name);
  }

  /** Like `get`, for what creates something. @throws RpcError FAILED_PRECONDITION if the namespace is deprecated. */
  getRegistered(name: string): ServedNamespace {
    const namespace = this.get(name);
    if (namespace.state !== NamespaceState.REGISTERED) throw namespaceInvalidState(name, namespace.state, [NamespaceState.REGISTERED]);
    return namespace;
  }

  /** @throws RpcError NOT_FOUND, FAILED_PRECONDITION if it is being deleted */
  getById(id: string): ServedNamespace {
    const namespace = this.#byId.get(id);
    if (namespace === undefined) throw namespaceNotFound(id);
    return inUse(namespace);
  }

  /** Like `find`, by its id. */
  findById(id: string): ServedNamespace | undefined {
    return this.#byId.get(id);
  }

  /** Whether a namespace takes what runs and schedules send to it: it is there, and is not being deleted. */
  serves(id: string): boolean {
    const state = this.#byId.get(id)?.state;
    return state !== undefined && state !== NamespaceState.DELETED;
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

  /**
   * Deletes a namespace: it has another name at once, and everything in it goes away by and by. One that is being deleted already is kept
   * until `delayMs` from now instead of what was said before.
   * @throws RpcError NOT_FOUND
   */
  async delete(by: { readonly name: string } | { readonly id: string }, delayMs: number): Promise<ServedNamespace> {
    const namespace = 'id' in by ? this.#byId.get(by.id) : this.#byName.get(by.name);
    if (namespace === undefined) throw namespaceNotFound('id' in by ? by.id : by.name);
    const name = namespace.state === NamespaceState.DELETED ? namespace.name : this.#nameOfDeleted(namespace);
    return this.#tell(namespace, { type: 'delete', name, delayMs });
  }

  /** Everything in a deleted namespace is gone: forgets it. @throws RpcError FAILED_PRECONDITION if it is to be kept for a while */
  async forget(namespace: Namespace): Promise<void> {
    await this.#host.send<Namespace>(addressOf(namespace), { type: 'forget' } satisfies NamespaceInput);
    this.#drop(namespace);
  }

  async addSearchAttributes(name: string, add: SearchAttributeTypes): Promise<ServedNamespace> {
    return this.#tell(name, { type: 'add-search-attributes', add, most: this.get(name).limits.customSearchAttributes });
  }

  async removeSearchAttributes(name: string, names: readonly string[]): Promise<ServedNamespace> {
    return this.#tell(name, { type: 'remove-search-attributes', names });
  }

  /** @param to a namespace, or a name under which one is to be made */
  async #tell(to: Namespace | string, input: NamespaceInput): Promise<ServedNamespace> {
    const namespace = typeof to === 'string' ? this.#byName.get(to) : to;
    return this.#keep(await this.#host.send<Namespace>(namespace === undefined ? keyOf(String(to)) : addressOf(namespace), input));
  }

  #keep(namespace: Namespace): ServedNamespace {
    const before = this.#byId.get(namespace.id);
    if (before !== undefined && before.name !== namespace.name) this.#byName.delete(before.name);
    const served = { ...namespace, limits: this.#limits.keep(namespace.id, namespace.data) };
    this.#byName.set(namespace.name, served);
    this.#byId.set(namespace.id, served);
    this.onChange(served);
    return served;
  }

  #drop({ id, name }: Namespace): void {
    const namespace = this.#byId.get(id);
    if (namespace === undefined) return;
    this.#byId.delete(id);
    if (this.#byName.get(name) === namespace) this.#byName.delete(name);
    this.#limits.forget(id);
    this.onChange(namespace);
  }

  #nameOfDeleted({ name, id }: Namespace): string {
    const names = Array.from({ length: id.length - SUFFIX_LENGTH + 1 }, (_, more) => `${name}-deleted-${id.slice(0, SUFFIX_LENGTH + more)}`);
    return names.find((candidate) => !this.#byName.has(candidate)) ?? `${name}-deleted-${id}`;
  }
}

function inUse(namespace: ServedNamespace): ServedNamespace {
  const { name, state } = namespace;
  if (state === NamespaceState.DELETED) throw namespaceInvalidState(name, state, [NamespaceState.REGISTERED, NamespaceState.DEPRECATED]);
  return namespace;
}

const addressOf = ({ registeredAs, id }: Namespace) => ({ ...keyOf(registeredAs), machine: id });
const keyOf = (name: string) => ({ kind: NAMESPACE_KIND, namespace: '', key: name });
