/**
 * The way out of the engine for messages that machines owe: to somebody who is no machine.
 *
 * A message whose receiver has the kind of a courier is handed to it, once the sender's state that owes it is durable: the outside must not
 * hear of what a crash could undo. The courier's answer goes to the sender like that of a machine. A message may be handed out again (the
 * process died before the answer was durable), so a receiver must bear to hear the same thing twice.
 */
export interface Courier {
  /** The kind of receivers that it reaches. */
  readonly kind: string;
  /**
   * Delivers, once; the sender decides whether to try again. How many deliveries are under way at once is the courier's care, and each must
   * end. A rejection is taken for "not reached": the message is handed out again after a pause.
   */
  deliver(input: unknown): Promise<unknown>;
}
