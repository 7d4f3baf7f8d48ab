/**
 * A data pipeline: fetch, transform the parts in parallel, load. Somebody who watches can ask how far it is.
 *
 * Data travels by reference (names of files or objects), not through the history: a payload has a limit, and a history is read often.
 */
import { defineQuery, proxyActivities, setCurrentDetails, setHandler } from 'perdure/workflow';
import type * as activities from './activities.js';

const quick = proxyActivities<typeof activities>({ startToCloseTimeout: '1 minute' });
// A long step says that it is alive; if it falls silent, it is tried again from where its last heartbeat was.
const long = proxyActivities<typeof activities>({ startToCloseTimeout: '1 hour', heartbeatTimeout: '30 seconds' });

export interface Progress {
  readonly stage: 'listing' | 'transforming' | 'loading' | 'done';
  readonly transformed: number;
  readonly parts: number;
}

export const progress = defineQuery<Progress>('progress');

/** @returns how many rows were loaded. */
export async function pipeline(source: string): Promise<number> {
  let now: Progress = { stage: 'listing', transformed: 0, parts: 0 };
  const enter = (next: Progress) => {
    now = next;
    setCurrentDetails(`${next.stage}: ${next.transformed} of ${next.parts} parts`);
  };
  setHandler(progress, () => now);

  const parts = await quick.listParts(source);
  enter({ stage: 'transforming', transformed: 0, parts: parts.length });
  const transformed = await Promise.all(
    parts.map(async (part) => {
      const file = await long.transform(part);
      enter({ ...now, transformed: now.transformed + 1 });
      return file;
    }),
  );
  enter({ ...now, stage: 'loading' });
  const rows = await long.load(transformed);
  enter({ ...now, stage: 'done' });
  return rows;
}
