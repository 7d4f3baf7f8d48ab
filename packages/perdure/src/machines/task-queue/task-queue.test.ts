/** What operators set for a queue is the same after its journal is folded, and says who set it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, RpcError } from '../../protocol/index.js';
import type { Moment } from '../machine.js';
import { taskQueueKey, type TaskQueueChanges, type TaskQueueInput } from './inputs.js';
import { taskQueueMachine as machine } from './task-queue.js';

const moment: Moment = { now: 1_000, newId: () => 'id-1' };
const self = { ...taskQueueKey('n', 'orders/eu', 'activity'), machine: 'id-1' };
const changes = (given: Partial<TaskQueueChanges>): TaskQueueChanges => ({ setWeights: new Map(), unsetWeights: [], ...given });
const update = (given: Partial<TaskQueueChanges>) => ({ type: 'update', changes: changes(given), identity: 'ada', mostWeights: 3 }) as const;

function create(given: Partial<TaskQueueChanges>) {
  const first = machine.transition(undefined, update(given), moment, self);
  assert.ok(first.successor?.answers);
  const created = machine.transition(undefined, first.successor.input as TaskQueueInput, moment, self);
  assert.ok(created.state && created.record);
  assert.deepEqual(machine.fold(undefined, created.record), created.state);
  return created.state;
}

test('the first update makes the machine, later ones change what they name; a journal folds to the same', () => {
  const state = create({ queueRate: { perSecond: 0.1, reason: 'slow' }, setWeights: new Map([['a', 0.3]]) });
  assert.deepEqual([state.name, state.type], ['orders/eu', 'activity']);
  assert.equal(state.config.queueRateLimit?.rateLimit?.requestsPerSecond, Math.fround(0.1));
  assert.deepEqual(state.config.queueRateLimit?.metadata, { reason: 'slow', updateIdentity: 'ada', updateTime: 1_000 });
  const next = machine.transition(state, update({ setWeights: new Map([['b', 2]]), unsetWeights: ['a'], queueRate: { perSecond: undefined, reason: 'fixed' } }), { ...moment, now: 2_000 }, self);
  assert.ok(next.state);
  assert.deepEqual([...next.state.config.fairnessWeightOverrides], [['b', 2]]);
  assert.equal(next.state.config.queueRateLimit?.rateLimit, undefined);
  assert.deepEqual(next.state.config.queueRateLimit?.metadata, { reason: 'fixed', updateIdentity: 'ada', updateTime: 2_000 });
  assert.deepEqual(machine.fold(state, next.record ?? {}), next.state);
  assert.deepEqual(machine.restore(machine.snapshot(next.state)), next.state);
});

test('weights are bounded', () => {
  const state = create({ setWeights: new Map([['a', 1], ['b', 1], ['c', 1]]) });
  const refused = machine.transition(state, update({ setWeights: new Map([['d', 1]]) }), moment, self);
  assert.ok(refused.reply instanceof RpcError && refused.reply.code === Code.INVALID_ARGUMENT);
  assert.equal(refused.record, undefined);
  assert.equal(machine.transition(state, update({ setWeights: new Map([['d', 1]]), unsetWeights: ['a'] }), moment, self).state?.config.fairnessWeightOverrides.size, 3);
});

test('a deleted one owes nothing but its deletion; deleting what is not there does nothing', () => {
  const state = create({ keyRate: { perSecond: 1, reason: '' } });
  assert.deepEqual([...machine.debtKeys(state)], []);
  const deleted = machine.transition(state, { type: 'delete' }, moment, self);
  assert.ok(deleted.state);
  assert.equal(machine.isDeleted?.(deleted.state), true);
  assert.deepEqual([...machine.debtKeys(deleted.state)].map((key) => machine.debt(deleted.state ?? state, key)), [{ deletion: true }]);
  assert.deepEqual(machine.fold(state, deleted.record ?? {}), deleted.state);
  assert.equal(machine.transition(undefined, { type: 'delete' }, moment, self).record, undefined);
});
