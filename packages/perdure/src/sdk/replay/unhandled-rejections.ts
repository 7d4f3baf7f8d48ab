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
  #installed = false;

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
    process.off('unhandledRejection', this.#onRejection);
    this.#installed = false;
  }

  #install(): void {
    if (this.#installed) return;
    this.#installed = true;
    knownListeners.add(this.#onRejection);
    process.on('unhandledRejection', this.#onRejection);
  }

  readonly #onRejection = (reason: unknown, promise: unknown): void => {
    if (this.#owns(promise)) {
      if (this.#turn !== undefined) this.#turn.rejection ??= { reason };
      return;
    }
    // Not ours. A listener turns off what Node does by itself; if nobody else listens, do that.
    const listeners = process.listeners('unhandledRejection');
    if (listeners.every((listener) => knownListeners.has(listener))) throw reason;
  };
}

/** Several executors in one process must not count each other as somebody who handles foreign rejections. */
const knownListeners = new WeakSet<object>();

export class Turn {
  /** How many tasks ran workflow code in this turn. */
  runs = 0;
  rejection: { readonly reason: unknown } | undefined;
  over!: () => void;
  readonly ended = new Promise<Turn>((resolve) => {
    this.over = () => resolve(this);
  });
}
