/**
 * The limit that the engine is compared with: a bare loop of grouped commits of the same number of records and bytes into the same
 * kind of store. `limit.js SCRATCH_FILE RECORDS_PER_WORKFLOW BYTES_PER_RECORD GROUP SECONDS` prints workflows per second.
 */
import { randomUUID } from 'node:crypto';
import { openSqliteStore } from '#perdure/store/index';

const [filename, records, bytes, group, seconds] = process.argv.slice(2) as [string, string, string, string, string];
const store = await openSqliteStore({ filename });
const payload = Buffer.alloc(Math.max(1, Math.round(Number(bytes))), 7);
const perWorkflow = Math.max(1, Math.round(Number(records)));
let done = 0;
const from = performance.now();
while (performance.now() - from < Number(seconds) * 1000) {
  const machines = Array.from({ length: Number(group) }, () => randomUUID());
  for (let seq = 1; seq <= perWorkflow; seq++) {
    await store.commit(
      machines.map((machine) => ({
        machine,
        ...(seq === 1 ? { create: { kind: 'workflow', namespace: 'bench', key: machine, makeCurrent: true } } : {}),
        seq,
        history: { firstEventId: seq, lastEventId: seq, bytes: payload },
        row: { wakeAt: undefined, open: seq < perWorkflow },
      })),
    );
  }
  done += machines.length;
}
console.log(JSON.stringify({ perSecond: done / ((performance.now() - from) / 1000) }));
await store.close();
