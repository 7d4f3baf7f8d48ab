/** Operators must be able to rely on it that a name is one endpoint, that no change undoes another unseen, and that a crash loses none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, EndpointSpec, RpcError } from '../../protocol/index.js';
import type { JournalRecord, Moment } from '../machine.js';
import { nexusEndpointsMachine as machine, type NexusEndpointsState } from './endpoints.js';
import { NEXUS_ENDPOINTS, type NexusEndpoint, type NexusEndpointsInput } from './inputs.js';

const spec = (name: string, taskQueue = 'q'): EndpointSpec => EndpointSpec.create({ name, target: { worker: { namespace: 'n', taskQueue } } });

class Registry {
  state: NexusEndpointsState | undefined;
  readonly records: JournalRecord[] = [];
  now = 1_000;
  #ids = 0;

  tell(input: NexusEndpointsInput): NexusEndpoint | RpcError {
    const moment: Moment = { now: this.now, newId: () => `id-${++this.#ids}` };
    const outcome = machine.transition(this.state, input, moment, { ...NEXUS_ENDPOINTS, machine: 'm' });
    if (outcome.successor !== undefined) {
      assert.ok(outcome.record === undefined && outcome.successor.answers);
      return this.tell(outcome.successor.input as NexusEndpointsInput);
    }
    this.state = outcome.state;
    if (outcome.record !== undefined) this.records.push(outcome.record);
    this.#prove();
    return outcome.reply;
  }

  done(input: NexusEndpointsInput): NexusEndpoint {
    const reply = this.tell(input);
    assert.ok(!(reply instanceof RpcError), String(reply));
    return reply;
  }

  refused(input: NexusEndpointsInput): Code {
    const before = this.records.length;
    const reply = this.tell(input);
    assert.ok(reply instanceof RpcError && this.records.length === before);
    return reply.code;
  }

  /** After every step, folded and restored registries are the live one. */
  #prove(): void {
    if (this.state === undefined) return;
    const folded = this.records.reduce<NexusEndpointsState | undefined>((state, record) => machine.fold(state, record), undefined);
    assert.deepEqual(folded, this.state);
    assert.deepEqual(machine.restore(machine.snapshot(this.state)), this.state);
  }
}

test('an endpoint is created, changed and deleted, and its version counts the changes', () => {
  const registry = new Registry();
  const created = registry.done({ type: 'create', spec: spec('one'), most: 9 });
  assert.deepEqual([created.version, created.createdTimeMs, created.lastModifiedTimeMs], [1, 1_000, 0]);
  registry.now = 2_000.5;
  const changed = registry.done({ type: 'update', id: created.id, version: 1, spec: spec('two', 'other') });
  assert.deepEqual([changed.id, changed.version, changed.spec.name, changed.createdTimeMs, changed.lastModifiedTimeMs], [created.id, 2, 'two', 1_000, 2_000]);
  registry.done({ type: 'delete', id: created.id, version: 2 });
  assert.equal(registry.state?.size, 0);
  assert.equal(registry.done({ type: 'create', spec: spec('two'), most: 9 }).version, 1, 'the name is free again');
});

test('a name is taken once, also by a change', () => {
  const registry = new Registry();
  const one = registry.done({ type: 'create', spec: spec('one'), most: 9 });
  const two = registry.done({ type: 'create', spec: spec('two'), most: 9 });
  assert.equal(registry.refused({ type: 'create', spec: spec('two'), most: 9 }), Code.ALREADY_EXISTS);
  assert.equal(registry.refused({ type: 'update', id: one.id, version: 1, spec: spec('two') }), Code.ALREADY_EXISTS);
  registry.done({ type: 'update', id: two.id, version: 1, spec: spec('two', 'elsewhere') });
});

test('a change of another version than the current one is refused', () => {
  const registry = new Registry();
  const { id } = registry.done({ type: 'create', spec: spec('one'), most: 9 });
  for (const version of [0, 2]) {
    assert.equal(registry.refused({ type: 'update', id, version, spec: spec('one') }), Code.FAILED_PRECONDITION);
    assert.equal(registry.refused({ type: 'delete', id, version }), Code.FAILED_PRECONDITION);
  }
});

test('what does not exist is not found, also before there is a registry', () => {
  const registry = new Registry();
  const ask = (): void => {
    assert.equal(registry.refused({ type: 'update', id: 'x', version: 1, spec: spec('one') }), Code.NOT_FOUND);
    assert.equal(registry.refused({ type: 'delete', id: 'x', version: 1 }), Code.NOT_FOUND);
  };
  ask();
  registry.done({ type: 'create', spec: spec('one'), most: 1 });
  ask();
  assert.equal(registry.refused({ type: 'create', spec: spec('two'), most: 1 }), Code.RESOURCE_EXHAUSTED, 'their number is bounded');
});
