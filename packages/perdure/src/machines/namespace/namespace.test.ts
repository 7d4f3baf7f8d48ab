/** A namespace is registered once, keeps its id, and is the same after its journal is folded. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, NamespaceState, RpcError } from '../../protocol/index.js';
import type { Moment, Outcome } from '../machine.js';
import { NAMESPACE_KIND, type Namespace, type NamespaceInput } from './inputs.js';
import { namespaceMachine } from './namespace.js';

const moment: Moment = { now: 1_000, newId: () => 'id-1' };
const self = { kind: NAMESPACE_KIND, namespace: '', key: 'orders', machine: 'id-1' };
const settings = { description: 'd', ownerEmail: 'o@x', data: new Map([['team', 'a']]), retentionMs: 86_400_000 };

function refusal(outcome: Outcome<Namespace | undefined, Namespace>): RpcError {
  assert.ok(outcome.reply instanceof RpcError);
  assert.equal(outcome.record, undefined, 'a refusal writes nothing');
  return outcome.reply;
}

function create(): Namespace {
  const registered = namespaceMachine.transition(undefined, { type: 'register', settings }, moment, self);
  assert.equal(registered.state, undefined);
  assert.ok(registered.successor?.answers);
  const created = namespaceMachine.transition(undefined, registered.successor.input as NamespaceInput, moment, { ...self, machine: registered.successor.machine });
  assert.deepEqual(created.reply, created.state);
  assert.deepEqual(namespaceMachine.fold(undefined, created.record ?? {}), created.state);
  return created.state as Namespace;
}

test('registering creates a namespace whose id is its machine id', () => {
  assert.deepEqual(create(), { ...settings, id: 'id-1', name: 'orders', state: NamespaceState.REGISTERED, searchAttributes: new Map() });
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
  assert.deepEqual(namespaceMachine.restore(namespaceMachine.snapshot(outcome.state as Namespace)), outcome.state);
});

test('an unknown namespace refuses updates', () => {
  const outcome = namespaceMachine.transition(undefined, { type: 'update', settings: {} }, moment, self);
  assert.equal(refusal(outcome).code, Code.NOT_FOUND);
});

test('a namespace owes nothing, and a wake changes nothing', () => {
  const state = create();
  assert.deepEqual([...namespaceMachine.debtKeys(state)], []);
  const outcome = namespaceMachine.transition(state, { type: 'wake' }, moment, self);
  assert.equal(outcome.record, undefined);
  assert.equal(outcome.state, state);
});
