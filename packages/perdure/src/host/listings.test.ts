/** Listings are written with the step that changes them, and with no other; what a crash or an earlier version left unlisted is listed after the start. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listingOf, type Listing } from '../machines/listing.js';
import type { Machine } from '../machines/machine.js';
import { Code, type RpcError } from '../protocol/index.js';
import type { SimulatedDisk } from '../store/simulated/simulated-disk.js';
import { SimulatedStore, type StoreFault } from '../store/simulated/simulated-store.js';
import type { MachineId, Transition } from '../store/store.js';
import { NAMESPACE, startToyServer, TOY, toyMachine, type Toy, type ToyInput } from './testing.js';

/** Lists whether the count is even: a listing that most steps do not change. Two objects for each machine, kept. */
const listings = new Map<string, Listing>();
const listedToy: Machine<Toy, ToyInput, unknown> = {
  ...toyMachine,
  listing: ({ id, count, deleted }) => {
    if (deleted) return undefined;
    const name = `${id} ${count % 2 === 0 ? 'even' : 'odd'}`;
    const listing = listings.get(name) ?? listingOf({ shown: Buffer.from(name), attributes: new Map([['StartTime', 1], ['Odd', count % 2]]) });
    listings.set(name, listing);
    return listing;
  },
};

/** Remembers what was said to lists. `old`: the machines that it names as unlisted until they are. */
class WatchedStore extends SimulatedStore {
  readonly told: (string | null)[] = [];
  old: MachineId[] = [];

  override commit(transitions: readonly Transition[]): Promise<void> {
    for (const { row, machine } of transitions) {
      if (row.listing === undefined) continue;
      this.told.push(row.listing === null ? null : (Buffer.from(row.listing.make().shown).toString().split(' ')[1] ?? ''));
      this.old = this.old.filter((id) => id !== machine);
    }
    return super.commit(transitions);
  }

  override unlisted(limit = 0): Promise<readonly MachineId[]> {
    return Promise.resolve(this.old.slice(0, limit));
  }
}

const all = { kind: TOY, namespace: NAMESPACE };
const odd = { ...all, condition: { kind: 'compare', attribute: 'Odd', operator: '=', value: 1 } } as const;

test('a list shows what was answered, and only steps that change a listing write one', async () => {
  const store = new WatchedStore();
  await using server = startToyServer({ store, machines: [listedToy] });
  await server.send('a', { type: 'start' });
  await server.send('a', { type: 'add', amount: 1 });
  assert.deepEqual((await server.host.list({ ...odd, limit: 9 })).items.map(({ key }) => key), ['a']);
  await server.send('a', { type: 'add', amount: 2 });
  await server.send('a', { type: 'add', amount: 2 });
  assert.deepEqual(store.told, ['even', 'odd']);
  await server.send('a', { type: 'delete' });
  assert.deepEqual(store.told, ['even', 'odd', null]);
  assert.deepEqual(await server.host.count(all), []);
});

test('after a restart the first step writes no listing again that the row has', async () => {
  const first = new WatchedStore();
  {
    await using server = startToyServer({ store: first, machines: [listedToy] });
    await server.send('a', { type: 'start' });
  }
  await first.close();
  listings.clear();
  const store = new WatchedStore({ disk: first.disk });
  await using server = startToyServer({ store, machines: [listedToy], seed: 2 });
  await server.send('a', { type: 'add', amount: 2 });
  await server.send('a', { type: 'add', amount: 1 });
  assert.deepEqual(store.told, ['odd']);
});

test('machines of a version without lists are listed after the start, also those that are not listed at all', async () => {
  const first = new WatchedStore();
  const ids: string[] = [];
  {
    await using server = startToyServer({ store: first });
    for (let n = 0; n < 120; n++) ids.push(await server.send<string>(`k${n}`, { type: 'start' }));
  }
  const store = new WatchedStore({ disk: first.disk });
  const unknown = '00000000-0000-7000-8000-00000000ffff';
  store.old = [unknown, ...ids];
  await using server = startToyServer({ store, machines: [listedToy], seed: 2, limits: { cachedMachines: 10 } });
  await server.host.recover();
  while (store.old.length > 1) await new Promise((resolve) => setImmediate(resolve));
  await server.host.close();
  assert.deepEqual(await store.disk.count(all), [{ value: undefined, count: 120 }]);
  assert.deepEqual(store.old, [unknown], 'what cannot be loaded does not hold up the rest');
});

/** A disk on which a crash left two machines whose listings nobody had looked at: a new one, and one that has become odd. */
async function crashed(): Promise<SimulatedDisk> {
  const store = new SimulatedStore();
  const server = startToyServer({ store, machines: [listedToy] });
  await server.send('a', { type: 'start' });
  assert.deepEqual(await server.host.count(all), [{ value: undefined, count: 1 }]);
  await server.send('a', { type: 'add', amount: 1 });
  await server.send('b', { type: 'start' });
  store.crash();
  return store.disk;
}

test('after a crash no list is answered before it tells the latest', async () => {
  const disk = await crashed();
  const store = new SimulatedStore({ disk });
  assert.equal((await store.unlisted(9)).length, 2);
  await using server = startToyServer({ store, machines: [listedToy], seed: 2 });
  const [listed, counted] = await Promise.all([server.host.list({ ...odd, limit: 9 }), server.host.count(all)]);
  assert.deepEqual(listed.items.map(({ key }) => key), ['a']);
  assert.deepEqual(counted, [{ value: undefined, count: 2 }]);
  assert.deepEqual(await store.unlisted(9), []);
});

test('lists do not wait for a whole file of a version without lists', async () => {
  const old = Array.from({ length: 1_100 }, (_, n) => `00000000-0000-7000-8000-${`${n}`.padStart(12, '0')}`);
  const listWith = async (left: number): Promise<number> => {
    let loads = 0;
    const store = new WatchedStore({ faults: (operation) => void (operation === 'load' && (loads += 1)) });
    store.old = old.slice(0, left);
    await using server = startToyServer({ store, machines: [listedToy], limits: { groupRecords: 10 } });
    await server.host.list({ ...all, limit: 9 });
    return loads;
  };
  assert.equal(await listWith(1_009), 1_009, 'as many as a crash may leave are waited for');
  assert.ok((await listWith(1_100)) < 1_009, 'more are not');
});

test('a store that fails then costs one list; a machine that cannot be read costs none', async () => {
  const disk = await crashed();
  let loads = 0;
  const faults = (operation: string): StoreFault | undefined => (operation === 'load' && ++loads === 1 ? { kind: 'unavailable', reason: 'io' } : undefined);
  await using server = startToyServer({ store: new SimulatedStore({ disk, faults }), machines: [listedToy], seed: 2 });
  await assert.rejects(server.host.list({ ...all, limit: 9 }), (error: RpcError) => error.code === Code.UNAVAILABLE);
  assert.deepEqual(await server.host.count(odd), [{ value: undefined, count: 1 }]);

  const broken = { ...listedToy, fold: () => assert.fail('a record that nobody understands') };
  await using other = startToyServer({ store: new SimulatedStore({ disk: await crashed() }), machines: [broken], seed: 3 });
  assert.deepEqual(await other.host.count(all), [{ value: undefined, count: 1 }], 'as far as it is known');
});
