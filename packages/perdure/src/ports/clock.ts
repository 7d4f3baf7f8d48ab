/**
 * Time, as the engine sees it. Everything that waits or asks what time it is does so through a `Clock`, so that a test
 * can skip a year in a millisecond and a simulation can repeat itself exactly.
 *
 * There are two kinds of waiting. A *timer* is for a date ("wake at 12:00:05"): it follows the wall clock, also when
 * that is set. A *delay* is for a duration ("answer the poll after 60 seconds"): setting the wall clock must not stretch
 * it. Both run in a later turn, never inside the call that sets them, and never before their time.
 */

/** Something that will run unless it is cancelled. */
export interface Timer {
  /** From now on the callback will not run. Harmless after it ran and when repeated. */
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since the epoch. May step in either direction when someone sets the machine's clock. */
  now(): number;
  /** Milliseconds since some fixed moment, with fractions. Never goes back. For measuring and for deadlines of durations. */
  monotonic(): number;
  /** Runs `run` once `now()` has reached `atMs`; soon, if that is in the past. Any finite date will do. */
  setTimer(atMs: number, run: () => void): Timer;
  /** Like `setTimer`, for upkeep that nobody waits for: a clock that skips time does not go there for its sake. Left out: `setTimer`. */
  setUpkeepTimer?(atMs: number, run: () => void): Timer;
  /** Runs `run` after `delayMs`, whatever happens to the wall clock meanwhile. */
  setDelay(delayMs: number, run: () => void): Timer;
  /**
   * Runs `run` after the current turn and the input that has already arrived, and before any timer that becomes due
   * later. Callbacks run in the order in which they were deferred. This is what gathers inputs into one commit.
   */
  defer(run: () => void): void;
}
