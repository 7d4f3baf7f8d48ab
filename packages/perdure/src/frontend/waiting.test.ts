/** Waiting for something to become visible in a run: nothing is missed, nothing is looked at in vain, and everything held is freed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WorkflowState } from '../machines/workflow/index.js';
import { VirtualClock } from '../ports/index.js';
import { Code, RpcError } from '../protocol/index.js';
import { Closing } from './closing.js';
import { untilSeen, within } from './waiting.js';

/** A host with one run, whose changes the test makes. */
function waitingRooms() {
  const clock = new VirtualClock();
  const closing = new Closing();
  const watchers = new Set<{ wake: () => void; matters: ((state: WorkflowState) => boolean) | undefined }>();
  const host = {
    watch(_run: string, wake: () => void, matters?: (state: never) => boolean): () => void {
      const watcher = { wake, matters: matters as ((state: WorkflowState) => boolean) | undefined };
      watchers.add(watcher);
      return () => void watchers.delete(watcher);
    },
  };
  const change = (state: unknown) => {
    for (const { wake, matters } of [...watchers]) if (matters === undefined || matters(state as WorkflowState)) wake();
  };
  return { rooms: { clock, closing, host }, clock, closing, watchers, change };
}

test('a change that does not matter is not looked at; one that does ends the wait', async () => {
  const { rooms, change, watchers, clock } = waitingRooms();
  let isOpen = true;
  let looks = 0;
  const look = async () => {
    looks += 1;
    return isOpen ? undefined : 'closed';
  };
  const seen = untilSeen(rooms, 'run', look, 20_000, new AbortController().signal, (state: { readonly isOpen: boolean }) => !state.isOpen);
  await clock.settle();
  for (let event = 0; event < 100; event++) change({ isOpen: true });
  await clock.settle();
  assert.equal(looks, 1);
  isOpen = false;
  change({ isOpen: false });
  assert.equal(await seen, 'closed');
  assert.equal(looks, 2);
  assert.equal(watchers.size, 0);
});

test('a change between two looks is not missed, and many at once are one look', async () => {
  const { rooms, change, clock } = waitingRooms();
  let looks = 0;
  const look = async () => {
    looks += 1;
    if (looks === 1) change({});
    if (looks === 2) for (let event = 0; event < 10; event++) change({});
    return looks === 3 ? 'third' : undefined;
  };
  const seen = untilSeen(rooms, 'run', look, 20_000, new AbortController().signal);
  await clock.settle();
  assert.equal(await seen, 'third');
});

test('time, the caller and the end of the engine end a wait, and free what it held', async () => {
  const ways: readonly ((stage: ReturnType<typeof waitingRooms>, caller: AbortController) => unknown)[] = [
    ({ clock }) => clock.advance(20_000),
    (_, caller) => caller.abort(),
    ({ closing }) => closing.begin(),
  ];
  for (const end of ways) {
    const stage = waitingRooms();
    const caller = new AbortController();
    const seen = untilSeen(stage.rooms, 'run', async () => undefined, 20_000, caller.signal);
    await stage.clock.settle();
    await end(stage, caller);
    assert.equal(await seen, undefined);
    assert.equal(stage.watchers.size, 0);
  }
});

test('what a look throws, and a refusal to watch, reach the caller', async () => {
  const { rooms, watchers } = waitingRooms();
  const gone = new RpcError(Code.NOT_FOUND, 'gone');
  await assert.rejects(untilSeen(rooms, 'run', () => Promise.reject(gone), 20_000, new AbortController().signal), gone);
  assert.equal(watchers.size, 0);
  const full = new RpcError(Code.RESOURCE_EXHAUSTED, 'full');
  const refusing = { ...rooms, host: { watch: () => { throw full; } } };
  await assert.rejects(untilSeen(refusing, 'run', async () => undefined, 20_000, new AbortController().signal), full);
});

test('a promise is awaited for a time only', async () => {
  const { rooms, clock } = waitingRooms();
  const never = within(new Promise<string>(() => {}), 1_000, rooms, new AbortController().signal);
  assert.equal(await within(Promise.resolve('at once'), 1_000, rooms, new AbortController().signal), 'at once');
  await clock.advance(1_000);
  assert.equal(await never, undefined);
  assert.equal(await within(new Promise<string>(() => {}), 1_000, rooms, AbortSignal.abort()), undefined);
});
