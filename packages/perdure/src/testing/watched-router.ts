/**
 * The way of clients and workers elsewhere to a server that can skip time. Tells the time keeper what goes on, as
 * {@link WatchedTransport} does for those in this process.
 *
 * Two things differ from there. Tasks are at work from the reply that hands them out to the call that brings them back. And whoever
 * waited and was told something is a network away: it gets a moment to act on it before time is skipped again.
 *
 * Limits of calls count real time, because that is what the caller counts: a wait must not end because its time was skipped.
 */
import { Router, type CallContext, type Handler, type Route } from '../transport/transport.js';
import { callKind } from './call-kinds.js';
import type { TasksAtWork } from './tasks-at-work.js';
import type { TimeKeeper } from './time-keeper.js';

/** How long polls and waits wait at most. */
const LONGEST_WAIT_MS = 60_000;
/** The answer "nothing yet" is on its way this long before the caller gives up. */
const ANSWER_MARGIN_MS = 1_000;
/** For the caller that was told what it waited for. */
export const REACTION_MS = 30;

export class WatchedRouter extends Router {
  readonly #keeper: TimeKeeper;
  readonly #tasks: TasksAtWork;

  /** @param inner what it has now is served, watched */
  constructor(inner: Router, keeper: TimeKeeper, tasks: TasksAtWork) {
    super();
    this.#keeper = keeper;
    this.#tasks = tasks;
    for (const path of inner.paths()) {
      const route = inner.find(path);
      if (route !== undefined) this.add(route.method, this.#watched(route));
    }
  }

  #watched({ method, handler }: Route): Handler<unknown, unknown> {
    return async (request, context) => {
      const kind = callKind(method, request);
      if (kind === 'work') {
        const end = this.#keeper.beginWork('request');
        try {
          const reply = await handler(request, context);
          this.#tasks.handedOut(method, request, reply);
          return reply;
        } finally {
          this.#tasks.broughtBack(method, request);
          end();
        }
      }
      using limit = new RealLimit(context, this.#keeper.now());
      const reply = await handler(request, limit.context);
      this.#tasks.handedOut(method, request, reply);
      // Whoever waited is a network away: it gets a moment to act on what it was told.
      if (kind === 'wait' && !limit.context.signal.aborted) holdFor(this.#keeper, REACTION_MS);
      return reply;
    };
  }
}

/** Time is not skipped for so much real time. */
export function holdFor(keeper: TimeKeeper, realMs: number): void {
  setTimeout(keeper.beginWork('request'), realMs);
}

/** The context of a wait whose end does not depend on the clock that is skipped. */
class RealLimit implements Disposable {
  readonly context: CallContext;
  readonly #timer: NodeJS.Timeout;

  constructor({ signal, deadline, metadata }: CallContext, nowMs: number) {
    const controller = new AbortController();
    const limitMs = deadline === undefined ? LONGEST_WAIT_MS : Math.min(LONGEST_WAIT_MS, deadline - nowMs - ANSWER_MARGIN_MS);
    this.#timer = setTimeout(() => controller.abort(), Math.max(0, limitMs));
    this.context = { signal: AbortSignal.any([signal, controller.signal]), metadata };
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
