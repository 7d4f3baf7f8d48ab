/**
 * A server that skips time for clients and workers of any language: the production server on a virtual clock, with the RPCs of Temporal's
 * TestService beside its own. `perdure server start-dev --test-service`.
 *
 * In memory only: data whose time was skipped lies in the future, where no other server could go on with it.
 */
import { FOREVER_MS, systemRandom } from '../ports/index.js';
import { startServer, type Server, type ServerOptions } from '../server/index.js';
import { inProcess } from '../transport/in-process.js';
import { TasksAtWork } from './tasks-at-work.js';
import { addTestService } from './time-lock.js';
import { TimeKeeper } from './time-keeper.js';
import { WatchedRouter } from './watched-router.js';

/** `filename` is of no use here. */
export type TestServerOptions = Omit<ServerOptions, 'clock' | 'random' | 'store' | 'routerOf' | 'onClosing'>;

/** A task that just became ready is taken by a worker within this, if there is one; until then time is not skipped. */
const PICKED_UP_WITHIN_MS = 1_000;

/** @throws what `startServer` throws */
export async function startTestServer(given: TestServerOptions): Promise<Server> {
  const { filename: _, ...options } = given;
  let server: Server | undefined;
  let tasks: TasksAtWork | undefined;
  const isAwaited = (): boolean => [...(server?.engine.backlogs() ?? [])].some(({ newestSince }) => keeper.now() - newestSince < PICKED_UP_WITHIN_MS);
  const keeper = new TimeKeeper(Date.now(), { alwaysGoesBy: true, isAwaited });
  server = await startServer({
    retentionMs: FOREVER_MS,
    ...options,
    ephemeral: true,
    clock: keeper.clock,
    random: systemRandom(keeper.clock),
    limits: { ...options.limits, taskLongPollMs: FOREVER_MS, historyLongPollMs: FOREVER_MS },
    routerOf: ({ router }) => {
      tasks = new TasksAtWork(keeper, inProcess(router, { now: () => keeper.now() }));
      const watched = new WatchedRouter(router, keeper, tasks);
      addTestService(watched, keeper);
      return watched;
    },
    onClosing: () => {
      tasks?.close();
      keeper.close();
    },
  });
  return server;
}
