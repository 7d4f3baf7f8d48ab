/** What `batch.js` tells of its measurement, as a line of JSON. */
export interface BatchResult {
  readonly count: number;
  readonly perSecond: number;
  readonly cpuMsPer1000: number;
  /** The longest time for which the engine did nothing else. */
  readonly longestDelayMs: number;
  /** Of a client's start while the batch operation ran. */
  readonly startP50Ms: number;
  readonly startP99Ms: number;
}
