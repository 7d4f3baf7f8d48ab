/** What operators have set for one queue. Durable elsewhere (`machines/task-queue/`); matching is told. */
export interface QueueSettings {
  /** Tasks of the queue that may be dispatched in a second. Left out: as its workers say. 0: none. */
  readonly tasksPerSecond: number | undefined;
  /** Tasks of one fairness key, times its weight. Left out: no limit. */
  readonly keyTasksPerSecond: number | undefined;
  /** By fairness key; go before the weights that tasks bring. */
  readonly keyWeights: ReadonlyMap<string, number>;
}
