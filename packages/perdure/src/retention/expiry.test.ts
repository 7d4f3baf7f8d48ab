/** When the closed runs of a namespace are looked at again, on a list that answers late. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../ports/virtual-clock.js';
import type { ListedMachine } from '../store/store.js';
import { Expiry, type ExpiryOptions } from './expiry.js';
import { Pace } from './pace.js';

const RETENTION_MS = 3_600_000;
const RUN: ListedMachine = { kind: 'k', namespace: 'n', key: 'w', machine: 'r', wakeAt: undefined, open: false, listing: undefined };

test('a run that closes while the list is read is forgotten when its time is over', async () => {
  const clock = new VirtualClock();
  let closedAtMs: number | undefined;
  const forgotten: number[] = [];
  const closedThrough = (ms: number): ListedMachine[] => (closedAtMs !== undefined && closedAtMs <= ms ? [RUN] : []);
  const host = {
    // What was there when it was asked, half a second later.
    list: async ({ condition }: { readonly condition?: unknown }) => {
      const items = closedThrough((condition as { readonly value: number }).value);
      await new Promise<void>((resolve) => clock.setDelay(500, resolve));
      return { items, next: undefined };
    },
    forget: async (find: () => Promise<readonly ListedMachine[]>) => {
      const found = (await find()).length;
      if (found > 0) {
        closedAtMs = undefined;
        forgotten.push(clock.now());
      }
      return { found, left: [] };
    },
    send: async () => assert.fail('nothing is in memory'),
  } as unknown as ExpiryOptions['host'];
  const onProblem = (error: unknown): void => assert.fail(`${String(error)}`);
  const expiry = new Expiry({ host, clock, pace: new Pace(clock), kind: 'k', namespace: 'n', deletion: {}, retentionMs: RETENTION_MS, onProblem });
  expiry.begin();
  // The first look has been taken and found nothing, the second one has been taken and has not been answered.
  await clock.advance(2_200);
  const closed = (closedAtMs = clock.now());
  expiry.closed();
  await clock.advance(RETENTION_MS + 120_000);
  assert.equal(forgotten.length, 1);
  assert.ok((forgotten[0] ?? 0) >= closed + RETENTION_MS);
  expiry.end();
});
