/**
 * The namespace as a machine: a name with settings that workflow executions live under.
 *
 * Each record holds the whole namespace, because it is small and changes rarely; folding is taking the last one. Its machine id is the
 * namespace's id, which everything in the namespace is keyed by: a namespace can never be confused with a later one of the same name.
 *
 * A namespace that is deleted takes another name at once and goes on under its old key, found by its id, until everything in it is gone
 * (`retention/removal.ts`). Meanwhile the old name can be registered: that makes another machine under the key. All that a namespace owes
 * is its own deletion, at the very end.
 */
import { Code, IndexedValueType, NamespaceAlreadyExistsFailure, NamespaceRecord, NamespaceState, RpcError } from '../../protocol/index.js';
import type { DebtKey, HostInput, Machine, MachineKey, Moment, Outcome } from '../machine.js';
import { isReserved, typeName, type SearchAttributeTypes } from '../search-attributes/names.js';
import { NAMESPACE_KIND, type Namespace, type NamespaceChanges, type NamespaceInput, type NamespaceSettings } from './inputs.js';

/** `forgotten`: all that is left of it is its own deletion. Nobody sees it any more. */
export type NamespaceRecordState = Namespace & { readonly forgotten: boolean };

type NamespaceOutcome = Outcome<NamespaceRecordState | undefined, Namespace>;

const DELETION: DebtKey = 'deletion';

function transition(
  state: NamespaceRecordState | undefined,
  input: NamespaceInput | HostInput,
  at: Moment,
  self: MachineKey & { readonly machine: string },
): NamespaceOutcome {
  switch (input.type) {
    case 'register':
      return register(state, input.settings, at, self);
    case 'create':
      return changed({
        ...input.settings,
        id: self.machine,
        name: self.key,
        registeredAs: self.key,
        state: NamespaceState.REGISTERED,
        keptUntilMs: 0,
        searchAttributes: new Map(),
        forgotten: false,
      });
    case 'delete':
      return state === undefined ? unchanged(state, notFound(self.key)) : remove(state, input, at);
    case 'forget':
      return state?.state === NamespaceState.DELETED ? forget(state, at) : unchanged(state, state ?? notFound(self.key));
    default:
      // Whoever asks by the name of a namespace that was deleted finds that there is none.
      return state?.state === NamespaceState.DELETED ? unchanged(state, notFound(self.key)) : change(state, input, self);
  }
}

function change(
  state: NamespaceRecordState | undefined,
  input: Exclude<NamespaceInput, { type: 'register' | 'create' | 'delete' | 'forget' }> | HostInput,
  self: MachineKey,
): NamespaceOutcome {
  switch (input.type) {
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
      // A namespace waits for nothing; should the host ask all the same, there is nothing to do.
      return unchanged(state, state ?? notFound(self.key));
    default:
      return input satisfies never;
  }
}

function register(state: NamespaceRecordState | undefined, settings: NamespaceSettings, at: Moment, self: MachineKey): NamespaceOutcome {
  if (state !== undefined && state.state !== NamespaceState.DELETED) {
    return unchanged(state, RpcError.with(Code.ALREADY_EXISTS, `Namespace ${self.key} exists already.`, NamespaceAlreadyExistsFailure, {}));
  }
  const id = at.newId();
  return {
    state,
    reply: notFound(self.key),
    touched: [],
    successor: { machine: id, input: { type: 'create', settings } satisfies NamespaceInput, answers: true },
  };
}

function update(
  state: NamespaceRecordState | undefined,
  settings: NamespaceChanges,
  newState: NamespaceState | undefined,
  self: MachineKey,
): NamespaceOutcome {
  if (state === undefined) return unchanged(undefined, notFound(self.key));
  // There is no way back to a state before.
  if (newState !== undefined && newState < state.state) return unchanged(state, new RpcError(Code.INVALID_ARGUMENT, 'Invalid namespace state update.'));
  return changed({
    ...state,
    description: settings.description ?? state.description,
    ownerEmail: settings.ownerEmail ?? state.ownerEmail,
    retentionMs: settings.retentionMs ?? state.retentionMs,
    data: settings.data === undefined ? state.data : new Map([...state.data, ...settings.data]),
    state: newState ?? state.state,
  });
}

/** A namespace that has an old name keeps it as its key. */
function remove(state: NamespaceRecordState, { name, delayMs }: { readonly name: string; readonly delayMs: number }, at: Moment): NamespaceOutcome {
  return changed({ ...state, name, state: NamespaceState.DELETED, keptUntilMs: delayMs > 0 ? Math.ceil(at.now + delayMs) : 0 });
}

function forget(state: NamespaceRecordState, at: Moment): NamespaceOutcome {
  if (state.keptUntilMs > at.now) return unchanged(state, new RpcError(Code.FAILED_PRECONDITION, `Namespace ${state.name} is to be kept for a while.`));
  return changed({ ...state, forgotten: true });
}

function addSearchAttributes(state: NamespaceRecordState, add: SearchAttributeTypes, most: number): NamespaceOutcome {
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

function removeSearchAttributes(state: NamespaceRecordState, names: readonly string[]): NamespaceOutcome {
  const fixed = names.find(isReserved);
  if (fixed !== undefined) return unchanged(state, new RpcError(Code.INVALID_ARGUMENT, `Unable to remove non-custom search attributes: ${fixed}.`));
  const searchAttributes = new Map([...state.searchAttributes].filter(([name]) => !names.includes(name)));
  return searchAttributes.size === state.searchAttributes.size ? unchanged(state, state) : changed({ ...state, searchAttributes });
}

const changed = (state: NamespaceRecordState): NamespaceOutcome => ({ state, record: { private: encode(state) }, reply: state, touched: [DELETION] });
const unchanged = (state: NamespaceRecordState | undefined, reply: Namespace | RpcError): NamespaceOutcome => ({ state, reply, touched: [] });

const notFound = (name: string): RpcError => new RpcError(Code.NOT_FOUND, `Namespace ${name} is not found.`);

function encode(namespace: NamespaceRecordState): Uint8Array {
  const { name, registeredAs, searchAttributes } = namespace;
  return NamespaceRecord.encode({ ...namespace, registeredAs: registeredAs === name ? '' : registeredAs, searchAttributes: new Map(searchAttributes) });
}

function decode(bytes: Uint8Array): NamespaceRecordState {
  const { state, registeredAs, searchAttributes, ...same } = NamespaceRecord.decode(bytes);
  return { ...same, registeredAs: registeredAs || same.name, state: toState(state), searchAttributes: toTypes(searchAttributes) };
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

export const namespaceMachine: Machine<NamespaceRecordState, NamespaceInput, Namespace> = {
  kind: NAMESPACE_KIND,
  transition,
  fold(_state, record) {
    if (record.private === undefined) throw new Error('A record of a namespace holds no namespace.');
    return decode(record.private);
  },
  snapshot: encode,
  restore: decode,
  debtKeys: (state) => (state.forgotten ? [DELETION] : []),
  debt: (state, key) => (state.forgotten && key === DELETION ? { deletion: true } : undefined),
  isOpen: (state) => !state.forgotten,
  isDeleted: (state) => state.forgotten,
  sizeBytes: (state) => 400 + 2 * (state.name.length + state.description.length + state.ownerEmail.length) + 200 * (state.data.size + state.searchAttributes.size),
};
