/** A namespace is registered once, keeps its id, and is the same after its journal is folded. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, NamespaceState, RpcError } from '../../protocol/index.js';
import type { Moment, Outcome } from '../machine.js';
import { NAMESPACE_KIND, type Namespace, type NamespaceInput } from './inputs.js';
import { namespaceMachine, type NamespaceRecordState } from './namespace.js';

const moment: Moment = { now: 1_000, newId: () => 'id-1' };
const self = { kind: NAMESPACE_KIND, namespace: '', key: 'orders', machine: 'id-1' };
const settings = { description: 'd', ownerEmail: 'o@x', data: new Map([['team', 'a']]), retentionMs: 86_400_000 };

function refusal(outcome: Outcome<NamespaceRecordState | undefined, Namespace>): RpcError {
  assert.ok(outcome.reply instanceof RpcError);
  assert.equal(outcome.record, undefined, 'a refusal writes nothing');
  return outcome.reply;
}

function create(): NamespaceRecordState {
  const registered = namespaceMachine.transition(undefined, { type: 'register', settings }, moment, self);
  assert.equal(registered.state, undefined);
  assert.ok(registered.successor?.answers);
  const created = namespaceMachine.transition(undefined, registered.successor.input as NamespaceInput, moment, { ...self, machine: registered.successor.machine });
  assert.deepEqual(created.reply, created.state);
  assert.deepEqual(namespaceMachine.fold(undefined, created.record ?? {}), created.state);
  return created.state as NamespaceRecordState;
}

test('registering creates a namespace whose id is its machine id', () => {
  assert.deepEqual(create(), {
    ...settings,
    id: 'id-1',
    name: 'orders',
    registeredAs: 'orders',
    state: NamespaceState.REGISTERED,
    keptUntilMs: 0,
    searchAttributes: new Map(),
    forgotten: false,
  });
});

test('registering twice is refused with ALREADY_EXISTS', () => {
  const again = namespaceMachine.transition(create(), { type: 'register', settings }, moment, self);
  assert.equal(refusal(again).code, Code.ALREADY_EXISTS);
});

test('an update replaces what it names, merges data, and folds to the same', () => {
  const state = create();
  const outcome = namespaceMachine.transition(
    state,
    { type: 'update', settings: { data: new Map([['tier', '1']]), retentionMs: 1 }, state: NamespaceState.DEPRECATED },
    moment,
    self,
  );
  assert.deepEqual(outcome.state, {
    ...state,
    data: new Map([['team', 'a'], ['tier', '1']]),
    retentionMs: 1,
    state: NamespaceState.DEPRECATED,
  });
  assert.deepEqual(namespaceMachine.fold(state, outcome.record ?? {}), outcome.state);
  assert.deepEqual(namespaceMachine.restore(namespaceMachine.snapshot(outcome.state as NamespaceRecordState)), outcome.state);
});

test('an unknown namespace refuses updates', () => {
  const outcome = namespaceMachine.transition(undefined, { type: 'update', settings: {} }, moment, self);
  assert.equal(refusal(outcome).code, Code.NOT_FOUND);
});

const { transition } = namespaceMachine;
const deleteAs = (name: string, delayMs = 0): NamespaceInput => ({ type: 'delete', name, delayMs });

test('a deleted namespace has another name under its old key, and is the same after its journal is folded', () => {
  const state = create();
  const outcome = transition(state, deleteAs('orders-deleted-id', 10), moment, self);
  const deleted = outcome.state as NamespaceRecordState;
  assert.deepEqual(deleted, { ...state, name: 'orders-deleted-id', state: NamespaceState.DELETED, keptUntilMs: moment.now + 10 });
  assert.equal(deleted.registeredAs, 'orders');
  assert.deepEqual(namespaceMachine.fold(state, outcome.record ?? {}), deleted);
  assert.equal(refusal(transition(deleted, { type: 'update', settings: {} }, moment, self)).code, Code.NOT_FOUND);
  assert.equal(refusal(transition(deleted, { type: 'add-search-attributes', add: new Map(), most: 1 }, moment, self)).code, Code.NOT_FOUND);
});

test('the name of a deleted namespace can be registered at once: that makes another namespace', () => {
  const deleted = transition(create(), deleteAs('orders-deleted-id'), moment, self).state as NamespaceRecordState;
  const outcome = transition(deleted, { type: 'register', settings }, { now: 2_000, newId: () => 'id-2' }, self);
  assert.equal(outcome.state, deleted, 'the old one goes on');
  assert.equal(outcome.record, undefined);
  assert.deepEqual(outcome.successor, { machine: 'id-2', input: { type: 'create', settings }, answers: true });
});

test('a deleted namespace is forgotten when it may be, and then owes its deletion, also after a restart', () => {
  const state = create();
  assert.equal(transition(state, { type: 'forget' }, moment, self).record, undefined, 'it is in use');
  const deleted = transition(state, deleteAs('orders-deleted-id', 10), moment, self).state as NamespaceRecordState;
  assert.equal(refusal(transition(deleted, { type: 'forget' }, { ...moment, now: 1_009 }, self)).code, Code.FAILED_PRECONDITION);
  const sooner = transition(deleted, deleteAs('orders-deleted-id'), moment, self).state as NamespaceRecordState;
  for (const [from, now] of [[deleted, 1_010], [sooner, 1_000]] as const) {
    const outcome = transition(from, { type: 'forget' }, { ...moment, now }, self);
    const gone = namespaceMachine.restore(namespaceMachine.snapshot(outcome.state as NamespaceRecordState));
    assert.deepEqual(gone, outcome.state);
    assert.equal(namespaceMachine.isOpen(gone), false);
    assert.equal(namespaceMachine.isDeleted?.(gone), true);
    const [key = ''] = namespaceMachine.debtKeys(gone);
    assert.deepEqual(namespaceMachine.debt(gone, key), { deletion: true });
    assert.deepEqual(outcome.touched, [key]);
  }
});

test('a namespace does not go back to a state before', () => {
  const deprecated = transition(create(), { type: 'update', settings: {}, state: NamespaceState.DEPRECATED }, moment, self).state as NamespaceRecordState;
  const back = transition(deprecated, { type: 'update', settings: {}, state: NamespaceState.REGISTERED }, moment, self);
  assert.equal(refusal(back).code, Code.INVALID_ARGUMENT);
  assert.ok(!(transition(deprecated, { type: 'update', settings: {}, state: NamespaceState.DEPRECATED }, moment, self).reply instanceof RpcError));
});

test('a namespace in use owes nothing, and a wake changes nothing', () => {
  const state = create();
  assert.deepEqual([...namespaceMachine.debtKeys(state)], []);
  const outcome = namespaceMachine.transition(state, { type: 'wake' }, moment, self);
  assert.equal(outcome.record, undefined);
  assert.equal(outcome.state, state);
});
