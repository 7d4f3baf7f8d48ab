/**
 * The namespace as a machine: a name with settings that workflow executions live under.
 *
 * It owes nothing and is never closed. Each record holds the whole namespace, because it is small and changes rarely; folding is taking
 * the last one. Its machine id is the namespace's id, which everything in the namespace is keyed by: a namespace can never be confused
 * with a later one of the same name.
 */
import { Code, IndexedValueType, NamespaceAlreadyExistsFailure, NamespaceRecord, NamespaceState, RpcError } from '../../protocol/index.js';
import type { HostInput, Machine, MachineKey, Moment, Outcome } from '../machine.js';
import { isReserved, typeName, type SearchAttributeTypes } from '../search-attributes/names.js';
import { NAMESPACE_KIND, type Namespace, type NamespaceChanges, type NamespaceInput, type NamespaceSettings } from './inputs.js';

type NamespaceOutcome = Outcome<Namespace | undefined, Namespace>;

function transition(
  state: Namespace | undefined,
  input: NamespaceInput | HostInput,
  at: Moment,
  self: MachineKey & { readonly machine: string },
): NamespaceOutcome {
  switch (input.type) {
    case 'register':
      return register(state, input.settings, at, self);
    case 'create':
      return changed({ ...input.settings, id: self.machine, name: self.key, state: NamespaceState.REGISTERED, searchAttributes: new Map() });
    case 'update':
      return update(state, input.settings, input.state, self);
    case 'add-search-attributes':
      return state === undefined ? unchanged(state, notFound(self.key)) : addSearchAttributes(state, input.add, input.most);
    case 'remove-search-attributes':
      return state === undefined ? unchanged(state, notFound(self.key)) : removeSearchAttributes(state, input.names);
    case 'wake':
    case 'dispatch':
    case 'sticky-unavailable':
    case 'delivered':
      // A namespace owes nothing; should the host ask all the same, there is nothing to do.
      return unchanged(state, state ?? notFound(self.key));
    default:
      return input satisfies never;
  }
}

function register(state: Namespace | undefined, settings: NamespaceSettings, at: Moment, self: MachineKey): NamespaceOutcome {
  if (state !== undefined) {
    return unchanged(state, RpcError.with(Code.ALREADY_EXISTS, `Namespace ${self.key} exists already.`, NamespaceAlreadyExistsFailure, {}));
  }
  const id = at.newId();
  return {
    state: undefined,
    reply: notFound(self.key),
    touched: [],
    successor: { machine: id, input: { type: 'create', settings } satisfies NamespaceInput, answers: true },
  };
}

function update(
  state: Namespace | undefined,
  settings: NamespaceChanges,
  newState: NamespaceState | undefined,
  self: MachineKey,
): NamespaceOutcome {
  if (state === undefined) return unchanged(undefined, notFound(self.key));
  return changed({
    ...state,
    description: settings.description ?? state.description,
    ownerEmail: settings.ownerEmail ?? state.ownerEmail,
    retentionMs: settings.retentionMs ?? state.retentionMs,
    data: settings.data === undefined ? state.data : new Map([...state.data, ...settings.data]),
    state: newState ?? state.state,
  });
}

function addSearchAttributes(state: Namespace, add: SearchAttributeTypes, most: number): NamespaceOutcome {
  const searchAttributes = new Map(state.searchAttributes);
  for (const [name, type] of add) {
    const problem = attributeProblem(state, name, type);
    if (problem !== undefined) return unchanged(state, new RpcError(Code.INVALID_ARGUMENT, problem));
    searchAttributes.set(name, type);
  }
  if (searchAttributes.size === state.searchAttributes.size) return unchanged(state, state);
  if (searchAttributes.size > most) {
    return unchanged(state, new RpcError(Code.INVALID_ARGUMENT, `Unable to create search attributes: a namespace has at most ${most} of its own.`));
  }
  return changed({ ...state, searchAttributes });
}

function attributeProblem(state: Namespace, name: string, type: IndexedValueType): string | undefined {
  if (name === '') return 'A search attribute has no name.';
  if (isReserved(name)) return `Search attribute ${name} is reserved by system.`;
  if (typeName(type) === undefined) return `Unknown search attribute type: ${type}.`;
  const known = state.searchAttributes.get(name);
  if (known === undefined || known === type) return undefined;
  return `Search attribute ${name} exists with the type ${typeName(known) ?? ''}. Remove it first, or take another name.`;
}

function removeSearchAttributes(state: Namespace, names: readonly string[]): NamespaceOutcome {
  const fixed = names.find(isReserved);
  if (fixed !== undefined) return unchanged(state, new RpcError(Code.INVALID_ARGUMENT, `Unable to remove non-custom search attributes: ${fixed}.`));
  const searchAttributes = new Map([...state.searchAttributes].filter(([name]) => !names.includes(name)));
  return searchAttributes.size === state.searchAttributes.size ? unchanged(state, state) : changed({ ...state, searchAttributes });
}

const changed = (state: Namespace): NamespaceOutcome => ({ state, record: { private: encode(state) }, reply: state, touched: [] });
const unchanged = (state: Namespace | undefined, reply: Namespace | RpcError): NamespaceOutcome => ({ state, reply, touched: [] });

const notFound = (name: string): RpcError => new RpcError(Code.NOT_FOUND, `Namespace ${name} is not found.`);

const encode = (namespace: Namespace): Uint8Array => NamespaceRecord.encode({ ...namespace, searchAttributes: new Map(namespace.searchAttributes) });

function decode(bytes: Uint8Array): Namespace {
  const { id, name, state, description, ownerEmail, data, retentionMs, searchAttributes } = NamespaceRecord.decode(bytes);
  return { id, name, state: toState(state), description, ownerEmail, data, retentionMs, searchAttributes: toTypes(searchAttributes) };
}

function toTypes(stored: ReadonlyMap<string, number>): SearchAttributeTypes {
  const known = Object.values(IndexedValueType);
  return new Map([...stored].flatMap(([name, value]) => known.flatMap((type) => (type === value ? [[name, type] as const] : []))));
}

function toState(value: number): NamespaceState {
  const known = Object.values(NamespaceState).find((state) => state === value);
  if (known === undefined) throw new Error(`A namespace was stored with the unknown state ${value}.`);
  return known;
}

export const namespaceMachine: Machine<Namespace, NamespaceInput, Namespace> = {
  kind: NAMESPACE_KIND,
  transition,
  fold(_state, record) {
    if (record.private === undefined) throw new Error('A record of a namespace holds no namespace.');
    return decode(record.private);
  },
  snapshot: encode,
  restore: decode,
  debtKeys: () => [],
  debt: () => undefined,
  isOpen: () => true,
  sizeBytes: (state) => 400 + 2 * (state.name.length + state.description.length + state.ownerEmail.length) + 200 * (state.data.size + state.searchAttributes.size),
};
