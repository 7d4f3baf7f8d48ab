/**
 * What a scenario is, and what it is given. Scenarios say what a user of either SDK sees; the runner in `stage.ts` runs each with both SDKs
 * against any server. See README.md.
 */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { HistoryEvent, Init, Method } from '#perdure/protocol/index';
import type { Client, WorkflowHandle } from 'perdure/client';
import type { Row } from './rows.js';
import type { SdkName } from '../../bench/sdk.js';

export interface Scenario {
  /** Unique in its area. Says what holds, in a sentence. */
  readonly name: string;
  /** Rows of the compatibility table that this exercises. Each must be seen on the wire or in a history, or the scenario fails. */
  readonly covers: readonly Row[];
  /** Left out: with both SDKs. */
  readonly only?: { readonly sdk: SdkName; readonly because: string };
  /** Does not work against our server yet: runs against a given one only. */
  readonly missing?: string;
  /**
   * `shared` (default): the worker of the area serves `stage.taskQueue`. `own`: nobody does, the scenario starts workers with
   * `stage.worker()` or polls by hand.
   */
  readonly worker?: 'shared' | 'own';
  /** `own`: a server process of its own, which `stage.server` kills and starts. Not run against a given server or in process. */
  readonly server?: 'shared' | 'own';
  /** For `server: 'own'`: dynamic configuration that it starts with. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Why two runs on one server may leave different histories; the comparison with another server then looks at less. */
  readonly varies?: string;
  /** Why the histories that this leaves cannot replay. */
  readonly unreplayable?: string;
  /** Default 60 s. */
  readonly timeoutMs?: number;
  run(stage: Stage): Promise<void>;
}

export interface Stage {
  /** Which SDK the client and the workers are of. */
  readonly sdk: SdkName;
  readonly namespace: string;
  /** A second namespace of the server, called `other`. */
  readonly otherNamespace: string;
  /** The client, of either SDK; typed as ours. */
  readonly client: Client;
  readonly taskQueue: string;
  /** Whether workers keep runs in memory. Each scenario runs both ways. */
  readonly cached: boolean;
  /** A name that no other run uses; the same name gives the same id within a scenario. For workflow ids and task queues. */
  readonly id: (name: string) => string;
  /** Calls an RPC with our codec, whichever SDK runs. @throws RpcError with code and details */
  readonly call: <Request, Response>(method: Method<Request, Response>, request: Init<Request>) => Promise<Response>;
  /** Starts a worker with the area's workflows and activities; it stops when disposed. `taskQueue` and any worker option may be given. */
  readonly worker: (options?: object) => Promise<AsyncDisposable>;
  /** The whole history of a run, decoded; by default of the current run. */
  readonly history: (workflowId: string, runId?: string) => Promise<HistoryEvent[]>;
  /** Only for scenarios with `server: 'own'`. */
  readonly server?: ServerControl;
}

export interface ServerControl {
  /** SIGKILL. Resolves when it is gone. */
  kill(): Promise<void>;
  /** On the same file and port. Resolves when it answers. */
  start(): Promise<void>;
}

/** An error as either SDK makes it. */
export interface Nested {
  readonly name: string;
  readonly message: string;
  readonly type?: string;
  readonly details?: unknown[];
  readonly retryState?: string;
  readonly cause?: Nested;
}

/** Starts a workflow on the stage's queue, under an id made from its type unless one is given. */
export async function start(stage: Stage, type: string, args: unknown[] = [], options: object = {}): Promise<WorkflowHandle> {
  return stage.client.workflow.start(type, { taskQueue: stage.taskQueue, workflowId: stage.id(type), args, ...options });
}

export async function execute(stage: Stage, type: string, ...args: unknown[]): Promise<unknown> {
  return (await start(stage, type, args)).result();
}

/** The error of a promise that must fail. */
export async function failure(promise: Promise<unknown>): Promise<Nested> {
  return promise.then(
    (value) => assert.fail(`expected a failure, got ${JSON.stringify(value)}`),
    (error: unknown) => error as Nested,
  );
}

/** Asks again until the answer is one that counts. */
export async function eventually<T>(ask: () => Promise<T | undefined | false> | T | undefined | false, what = 'what the scenario waits for', timeoutMs = 20_000): Promise<T> {
  for (const until = performance.now() + timeoutMs; performance.now() < until; await delay(20)) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
  }
  return assert.fail(`${what} did not come within ${timeoutMs} ms`);
}
