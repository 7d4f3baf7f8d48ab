/**
 * Rejected promises in workflow code that nobody handles.
 *
 * They must fail the workflow task of the run that made them: otherwise an error in a forgotten promise would vanish, or end the worker.
 * Node reports them once the current turn of the event loop has run its microtasks, without saying which run they belong to. So tasks wait
 * for the end of the turn in which they ran, all together, which costs one immediate per turn. If a rejection was reported and only one
 * run was active in that turn, it is that run's. Otherwise the caller repeats each of them alone; replaying makes that possible.
 */
export class UnhandledRejections {
  readonly #owns: (promise: unknown) => boolean;
  #turn: Turn | undefined;

  constructor(owns: (promise: unknown) => boolean) {
    this.#owns = owns;
  }

  /** Waits for the end of the turn; call it right after running workflow code. */
  endOfTurn(): Promise<Turn> {
    this.#install();
    let turn = this.#turn;
    if (turn === undefined) {
      turn = this.#turn = new Turn();
      const { over } = turn;
      setImmediate(() => {
        this.#turn = undefined;
        over();
      });
    }
    turn.runs++;
    return turn.ended;
  }

  close(): void {
    watching.delete(this);
    if (watching.size === 0) process.off('unhandledRejection', onRejection);
  }

  /** Takes the rejection if it is of this realm. */
  take(reason: unknown, promise: unknown): boolean {
    if (!this.#owns(promise)) return false;
    if (this.#turn !== undefined) this.#turn.rejection ??= { reason };
    return true;
  }

  #install(): void {
    if (watching.size === 0) process.on('unhandledRejection', onRejection);
    watching.add(this);
  }
}

/** Of all executors of the process, which share one listener: there may be hundreds. */
const watching = new Set<UnhandledRejections>();

function onRejection(reason: unknown, promise: unknown): void {
  for (const rejections of watching) if (rejections.take(reason, promise)) return;
  // Not ours. A listener turns off what Node does by itself; if nobody else listens, do that.
  if (process.listenerCount('unhandledRejection') === 1) throw reason;
}

export class Turn {
  /** How many tasks ran workflow code in this turn. */
  runs = 0;
  rejection: { readonly reason: unknown } | undefined;
  over!: () => void;
  readonly ended = new Promise<Turn>((resolve) => {
    this.over = () => resolve(this);
  });
}
