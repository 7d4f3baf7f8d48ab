/** What the host counts of its work: plain numbers, added to on the hot path and read when somebody asks (`server/metrics/`). */
import { Histogram } from '../metrics/instruments.js';

/** Seconds: from a disk that answers at once to one that is in trouble. */
export const COMMIT_SECONDS: readonly number[] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];
export const COMMIT_RECORDS: readonly number[] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
export const WAKE_SECONDS: readonly number[] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300];

export class HostStats {
  failedCommits = 0;
  /** Of records that are durable; snapshots and rows are not counted. */
  journalBytes = 0;
  readonly commitSeconds = new Histogram(COMMIT_SECONDS);
  readonly commitRecords = new Histogram(COMMIT_RECORDS);
  /** Inputs whose machine was in memory. */
  cacheHits = 0;
  /** Machines read from the store. */
  loads = 0;
  /** How much later than asked for a machine was woken. */
  readonly wakeSeconds = new Histogram(WAKE_SECONDS);
}
