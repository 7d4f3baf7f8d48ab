/**
 * A machine that is deleted is gone for everybody at once and for good, whatever fails meanwhile; what it owes to others is delivered
 * first, and its key is free for the next one.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../ports/virtual-clock.js';
import { Code, RpcError } from '../protocol/index.js';
import { SimulatedStore, type StoreFault, type StoreOperation } from '../store/simulated/simulated-store.js';
import { startToyServer, toy } from './testing.js';

const notFound = (error: unknown) => error instanceof RpcError && error.code === Code.NOT_FOUND;

test('it is gone when the deletion is answered: for readers, for senders, in the store; a start makes a new one', async () => {
  await using server = startToyServer();
  const id = await server.send<string>('a', { type: 'start' });
  await server.send('a', { type: 'delete' });
  await assert.rejects(server.send('a', { type: 'add', amount: 1 }), notFound);
  await assert.rejects(server.send('a', { type: 'add', amount: 1 }, id), notFound);
  assert.equal(await server.host.read(toy('a'), (state, machine) => `${state}/${machine}`), 'undefined/');
  const next = await server.send<string>('a', { type: 'start' });
  assert.notEqual(next, id);
  await server.clock.settle();
  assert.equal(await server.store.load(id), undefined);
  assert.equal(await server.store.current('toy', 'n', 'a'), next);
  assert.equal(server.host.history(id, 1, { bytes: 1e6 }) instanceof Promise && (await server.host.history(id, 1, { bytes: 1e6 })).lastEventId, 0);
  assert.equal((await server.toy('a')).id, next);
});

test('who waits for a change of it is told', async () => {
  await using server = startToyServer();
  const id = await server.send<string>('a', { type: 'start' });
  let woken = 0;
  const end = server.host.watch(id, () => (woken += 1));
  await server.send('a', { type: 'delete' });
  assert.ok(woken > 0);
  end();
});

test('a run in the middle is deleted without a trace on the current one', async () => {
  await using server = startToyServer();
  const first = await server.send<string>('a', { type: 'start' });
  const second = await server.send<string>('a', { type: 'succeed' });
  await server.send('a', { type: 'delete' }, first);
  await server.clock.settle();
  assert.equal(await server.store.load(first), undefined);
  assert.equal((await server.toy('a')).id, second);
});

test('messages that it owes are delivered before it goes, and its answer to others is that it does not exist', async () => {
  const clock = new VirtualClock();
  let isBroken = false;
  const faults = (operation: StoreOperation): StoreFault | undefined => (isBroken && operation === 'current' ? { kind: 'unavailable', reason: 'io' } : undefined);
  const store = new SimulatedStore({ clock, faults });
  const before = startToyServer({ clock, store });
  await before.send('b', { type: 'start' });
  await before.host.close();
  await using server = startToyServer({ clock, store: new SimulatedStore({ clock, disk: store.disk, faults }), seed: 2 });
  const id = await server.send<string>('a', { type: 'start' });
  await server.send('c', { type: 'start' });
  isBroken = true;
  await server.send('a', { type: 'post', id: 'm', to: toy('b'), input: { type: 'add', amount: 1 } });
  await server.send('a', { type: 'delete' }, id);
  await clock.settle();
  assert.ok(await server.store.load(id), 'it still owes a message');
  await server.send('c', { type: 'post', id: 'm', to: toy('a', id), input: { type: 'add', amount: 1 } });
  await clock.settle();
  assert.deepEqual((await server.toy('c')).answers, { m: `error ${Code.NOT_FOUND}` });
  isBroken = false;
  await clock.advance(60_000);
  assert.equal((await server.toy('b')).count, 1);
  assert.equal(await server.store.load(id), undefined);
});

test('a store that cannot delete is asked again; nobody sees the machine meanwhile', async () => {
  const clock = new VirtualClock();
  let failing = true;
  const store = new SimulatedStore({ clock, faults: (operation) => (failing && operation === 'delete' ? { kind: 'unavailable', reason: 'full' } : undefined) });
  await using server = startToyServer({ clock, store });
  const id = await server.send<string>('a', { type: 'start' });
  await server.send('a', { type: 'delete' });
  await clock.settle();
  assert.ok(await store.load(id));
  await assert.rejects(server.send('a', { type: 'add', amount: 1 }), notFound);
  failing = false;
  await clock.advance(60_000);
  assert.equal(await store.load(id), undefined);
});

test('a crash at any write loses no deletion that was answered, and brings nothing back', async () => {
  for (let crashAt = 1; crashAt <= 8; crashAt++) {
    for (const moment of ['beforeWrite', 'afterWrite'] as const) {
      const clock = new VirtualClock();
      let writes = 0;
      const isWrite = (operation: StoreOperation) => operation === 'commit' || operation === 'delete' || operation === 'reclaim';
      const first = new SimulatedStore({ clock, faults: (operation) => (isWrite(operation) && ++writes === crashAt ? { kind: 'crash', moment } : undefined) });
      const dying = startToyServer({ clock, store: first });
      const acknowledged: string[] = [];
      void (async () => {
        const id = await dying.send<string>('a', { type: 'start' });
        acknowledged.push(id);
        await dying.send('a', { type: 'add', amount: 1 });
        await dying.send('a', { type: 'delete' });
        acknowledged.push('deleted');
        acknowledged.push(await dying.send<string>('a', { type: 'start' }));
      })();
      await clock.settle();
      await using server = startToyServer({ clock, store: new SimulatedStore({ clock, disk: first.disk }), seed: 2 });
      await server.host.recover();
      await clock.settle();
      const [id, deleted, next] = acknowledged;
      if (deleted !== undefined) {
        assert.equal(await server.store.load(id as string), undefined, `crash ${crashAt} ${moment}`);
        await assert.rejects(server.send('a', { type: 'add', amount: 1 }, id), notFound);
      }
      if (next !== undefined) assert.equal((await server.toy('a')).id, next);
      assert.equal(typeof (await server.send('a', { type: 'start' })), 'string');
    }
  }
});
