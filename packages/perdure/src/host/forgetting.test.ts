/**
 * Machines that rest are forgotten without being loaded; what is in memory, open, or owes something is left; and whoever asks for one
 * meanwhile never meets a machine that is about to go.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../ports/virtual-clock.js';
import { Code, RpcError } from '../protocol/index.js';
import { SimulatedStore, type StoreFault, type StoreOperation } from '../store/simulated/simulated-store.js';
import { NAMESPACE, startToyServer, TOY, toy, type ToyServer } from './testing.js';

const notFound = (error: unknown) => error instanceof RpcError && error.code === Code.NOT_FOUND;

/** Counts loads, and does to an operation what a test wants. */
class WatchedStore extends SimulatedStore {
  loads = 0;

  override load(machine: string): ReturnType<SimulatedStore['load']> {
    this.loads += 1;
    return super.load(machine);
  }
}

/** Closed toys that a server left, and a server that has none of them in memory. */
async function withClosed(keys: readonly string[], faults?: (operation: StoreOperation) => StoreFault | undefined): Promise<{ server: ToyServer; store: WatchedStore; ids: string[] }> {
  const clock = new VirtualClock();
  const first = new SimulatedStore({ clock });
  const ids: string[] = [];
  const before = startToyServer({ clock, store: first });
  for (const key of keys) {
    ids.push(await before.send<string>(key, { type: 'start' }));
    await before.send(key, { type: 'close' });
  }
  await before.host.close();
  const store = new WatchedStore({ clock, disk: first.disk, ...(faults && { faults }) });
  return { server: startToyServer({ clock, store, seed: 2 }), store, ids };
}

const all = (server: ToyServer) => async () => (await server.host.machines({ kind: TOY, namespace: NAMESPACE }, { limit: 100 })).items;

test('closed machines outside memory go without being loaded', async () => {
  const { server, store, ids } = await withClosed(['a', 'b', 'c']);
  await using _ = server;
  const { found, left } = await server.host.forget(all(server));
  assert.deepEqual([found, left], [3, []]);
  assert.equal(store.loads, 0);
  await assert.rejects(server.send('a', { type: 'add', amount: 1 }), notFound);
  await assert.rejects(server.send('b', { type: 'add', amount: 1 }, ids[1]), notFound);
  assert.notEqual(await server.send('a', { type: 'start' }), ids[0], 'the key is free');
});

test('what is in memory, open, or owes a wake or a message is left', async () => {
  const { server } = await withClosed(['resting', 'in-memory']);
  await using _ = server;
  await server.toy('in-memory');
  await server.send('open', { type: 'start' });
  await server.send('owing', { type: 'start' });
  await server.send('owing', { type: 'post', id: 'm', to: toy('nobody', '00000000-0000-4000-8000-000000000001'), input: { type: 'add', amount: 1 } });
  await server.send('owing', { type: 'close' });
  const { left } = await server.host.forget(all(server));
  assert.deepEqual(left.map(({ key }) => key).sort(), ['in-memory', 'open', 'owing']);
  assert.equal((await server.toy('in-memory')).open, false);
});

test('a load that is under way, or begins meanwhile, finds the machine as it is afterwards', async () => {
  let slow: StoreOperation | undefined;
  const { server, ids } = await withClosed(['a', 'b'], (operation) => (operation === slow ? { kind: 'slow', delayMs: 50 } : undefined));
  await using _ = server;
  const [a = '', b = ''] = ids;
  slow = 'load';
  const early = server.send('a', { type: 'add', amount: 1 }, a);
  await server.clock.settle();
  slow = 'delete';
  const forgotten = server.host.forget(all(server));
  await server.clock.settle();
  const late = server.send('b', { type: 'add', amount: 1 }, b);
  const settled = Promise.all([assert.rejects(early, notFound), assert.rejects(late, notFound), forgotten]);
  slow = undefined;
  await server.clock.advance(1_000);
  await settled;
  assert.deepEqual((await all(server)()).length, 0);
});

test('a machine that changes between the look and the barrier is left', async () => {
  const { server, ids } = await withClosed(['a']);
  await using _ = server;
  const rows = await all(server)();
  let reads = 0;
  const { left } = await server.host.forget(async () => {
    reads += 1;
    // Behind the barrier its row says that it owes something now.
    return reads === 1 ? rows : rows.map((row) => ({ ...row, wakeAt: 1 }));
  });
  assert.deepEqual(left.map(({ machine }) => machine), ids);
  assert.equal((await server.toy('a')).open, false);
});

test('a store that fails changes nothing; asked again, it is done', async () => {
  let isBroken = true;
  const { server } = await withClosed(['a'], (operation) => (isBroken && operation === 'delete' ? { kind: 'unavailable', reason: 'io' } : undefined));
  await using _ = server;
  await assert.rejects(server.host.forget(all(server)), (error) => error instanceof RpcError && error.code === Code.UNAVAILABLE);
  assert.equal((await server.toy('a')).open, false, 'it can be loaded: the barrier is gone');
  isBroken = false;
  const { left } = await server.host.forget(all(server));
  assert.equal(left.length, 1, 'it is in memory now');
});
