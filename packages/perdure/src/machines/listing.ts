/**
 * What list queries see of a machine: what they show, and what they filter and sort by.
 *
 * A machine makes its listing from its state; the host writes it in the same commit as the transition that changed it; the store indexes
 * it. A machine gives the same object back for as long as nothing that is listed has changed: that is how the host knows.
 */

/** Words to be found in a text, as opposed to one value that is compared as a whole. */
export interface ListedText {
  readonly text: string;
}

/**
 * One value. Text and lists of text compare by code point; a number is also a truth value (0, 1), a moment (milliseconds since the epoch,
 * fractions allowed), a duration (milliseconds) or the number of a status.
 */
export type ListedValue = string | number | readonly string[] | ListedText;

/** A text: what went wrong in a machine that is closed. No search attribute of a user can have this name. */
export const PROBLEM_ATTRIBUTE = '#problem';

/**
 * A listing as it waits to be written. Most are replaced before anybody looks, so what it tells is put together only then. It tells of the
 * moment at which the machine gave it, whatever becomes of that.
 */
export interface Listing {
  /** About what it holds in memory. */
  readonly sizeBytes: number;
  /** The same each time. */
  make(): MadeListing;
}

export interface MadeListing {
  /** What a list hands out for this machine, encoded. The store does not look into it. Equal bytes mean an equal listing. */
  readonly shown: Uint8Array;
  /**
   * By the name that queries know. Left out: null. `StartTime` must be there; `CloseTime` is left out while the machine runs. The key and
   * the id of the machine are not repeated: queries know them as `WorkflowId` and `RunId`, and, where
   * `RootWorkflowId` and `RootRunId` are left out, as those.
   */
  readonly attributes: ReadonlyMap<string, ListedValue>;
}

/** A listing of a machine that seldom changes: made at once. */
export function listingOf(made: MadeListing): Listing {
  return { sizeBytes: made.shown.byteLength, make: () => made };
}
