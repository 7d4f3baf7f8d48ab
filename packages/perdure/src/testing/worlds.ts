/**
 * What a test environment stands on: an engine in this process on a clock of its own, one on the machine's clock, or a server elsewhere.
 * The environment does the same on each; only time differs.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { FOREVER_MS, seededRandom, type HttpCaller } from '../ports/index.js';
import { Connection, type ConnectionLike } from '../sdk/client/index.js';
import { openEngine, StoreDriverMissingError, type Engine, type EngineOptions } from '../server/index.js';
import { openHttpCaller } from '../server/http-caller.js';
import { SimulatedStore } from '../store/simulated/simulated-store.js';
import type { Info } from '../sdk/activity/index.js';
import { ServerTime, unlocking } from './server-time.js';
import { TasksAtWork } from './tasks-at-work.js';
import { TimeKeeper } from './time-keeper.js';
import { WatchedTransport } from './watched-transport.js';

export interface World {
  readonly connection: Connection;
  /** For workers: it carries the time. */
  readonly workerConnection: ConnectionLike;
  /** Absent for a server elsewhere. */
  readonly engine?: Engine;
  readonly skipsTime: boolean;
  /** An activity of this process is to be completed by somebody else. Absent where nobody needs to know. */
  leftOpen?(activity: Info): void;
  /** Milliseconds since the epoch. */
  now(): number;
  /** The same, asked for where the clock is elsewhere. */
  askTime(): Promise<number>;
  sleep(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** What can be chosen for an engine in this process. */
export type WorldEngineOptions = Pick<EngineOptions, 'namespaces' | 'searchAttributes' | 'callbackAddresses' | 'limits' | 'logger' | 'filename' | 'verify' | 'retentionMs'>;

export interface SkippingWorldOptions extends WorldEngineOptions {
  /** Told, by workflow ids, what somebody waits for while nothing will happen any more. */
  readonly onStall: (workflowIds: readonly string[]) => void;
  readonly startMs: number;
  readonly seed: number;
}

/** The production engine, without file and port, on a clock that can skip. */
export async function openSkippingWorld({ startMs, seed, limits, onStall, ...options }: SkippingWorldOptions): Promise<World> {
  const keeper = new TimeKeeper(startMs, { onStall, lookOutside: async () => tasks.look() });
  const engine = await openInMemory({
    ...options,
    clock: keeper.clock,
    random: seededRandom(seed, keeper.clock),
    httpCaller: watchedCaller(keeper),
    limits: { taskLongPollMs: FOREVER_MS, historyLongPollMs: FOREVER_MS, ...limits },
  });
  const tasks = new TasksAtWork(keeper, engine.transport);
  const transport = new WatchedTransport(engine.transport, keeper, tasks);
  const connection = Connection.from(transport);
  return {
    connection,
    workerConnection: { transport, time: keeper },
    leftOpen: (activity) => tasks.leftOpen(activity),
    engine,
    skipsTime: true,
    now: () => keeper.now(),
    askTime: () => Promise.resolve(keeper.now()),
    sleep: (ms) => keeper.sleep(ms),
    close: async () => {
      tasks.close();
      keeper.close();
      await engine.close();
    },
  };
}

/** The production engine, without file and port, on the machine's clock. */
export async function openLocalWorld(options: WorldEngineOptions): Promise<World> {
  const engine = await openInMemory(options);
  const connection = Connection.from(engine.transport);
  return { ...inRealTime(connection), engine, close: () => engine.close() };
}

/** A server that runs elsewhere, ours or Temporal's; time is skipped if it has a TestService. @throws ServiceError if none answers */
export async function openServerWorld(address: string): Promise<World> {
  const connection = await Connection.connect({ address });
  const time = await ServerTime.of(connection.transport);
  if (time === undefined) return inRealTime(connection);
  return {
    connection: Connection.from(unlocking(connection.transport, time)),
    workerConnection: connection,
    skipsTime: true,
    now: () => time.now(),
    askTime: () => time.ask(),
    sleep: (ms) => time.sleep(ms),
    close: () => connection.close(),
  };
}

function inRealTime(connection: Connection): World {
  return {
    connection,
    workerConnection: connection,
    skipsTime: false,
    now: () => Date.now(),
    askTime: () => Promise.resolve(Date.now()),
    sleep: (ms) => delay(ms),
    close: () => connection.close(),
  };
}

async function openInMemory(options: EngineOptions): Promise<Engine> {
  if (options.filename !== undefined) return openEngine(options);
  try {
    return await openEngine({ ...options, ephemeral: true });
  } catch (error) {
    // A runtime without SQLite can test all the same: nothing is to be kept.
    if (!(error instanceof StoreDriverMissingError)) throw error;
    return openEngine({ ...options, store: new SimulatedStore() });
  }
}

/** Calls to other people's servers are work: time must not run away from them. */
function watchedCaller(keeper: TimeKeeper): HttpCaller {
  const caller = openHttpCaller();
  return {
    post: (request) => {
      const end = keeper.beginWork('activity');
      return caller.post(request).finally(end);
    },
    close: () => caller.close(),
  };
}
