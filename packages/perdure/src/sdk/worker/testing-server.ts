/**
 * The server's side of the worker's calls, for the tests of this folder: tasks are handed to waiting polls, everything else is recorded.
 */
import {
  Code,
  DescribeNamespaceResponse,
  RpcError,
  WorkflowService,
  type Init,
  type Method,
  type PollActivityTaskQueueResponse,
  type PollWorkflowTaskQueueResponse,
} from '../../protocol/index.js';
import { inProcess } from '../../transport/in-process.js';
import { Router, type CallContext, type Transport } from '../../transport/transport.js';
import type { Logger } from '../common/index.js';

/** Tasks meet polls. */
export class TaskFeed<Task> {
  readonly #tasks: Task[] = [];
  readonly #polls: ((task: Task) => void)[] = [];
  /** Every poll that was ever made. */
  polls = 0;
  mostWaiting = 0;

  get waiting(): number {
    return this.#polls.length;
  }

  give(task: Task): void {
    const poll = this.#polls.shift();
    if (poll !== undefined) poll(task);
    else this.#tasks.push(task);
  }

  take(signal: AbortSignal): Promise<Task> {
    this.polls += 1;
    const task = this.#tasks.shift();
    if (task !== undefined) return Promise.resolve(task);
    return new Promise((resolve, reject) => {
      this.#polls.push(resolve);
      this.mostWaiting = Math.max(this.mostWaiting, this.#polls.length);
      signal.addEventListener('abort', () => {
        const at = this.#polls.indexOf(resolve);
        if (at < 0) return;
        this.#polls.splice(at, 1);
        reject(new RpcError(Code.CANCELLED, 'the caller went away'));
      });
    });
  }
}

/** Values that a test awaits one by one, whichever comes first: the value or the wait. */
class Mailbox {
  readonly #values: unknown[] = [];
  readonly #takers: ((value: unknown) => void)[] = [];

  put(value: unknown): void {
    const taker = this.#takers.shift();
    if (taker !== undefined) taker(value);
    else this.#values.push(value);
  }

  take(): Promise<unknown> {
    return this.#values.length > 0 ? Promise.resolve(this.#values.shift()) : new Promise((resolve) => this.#takers.push(resolve));
  }

  get size(): number {
    return this.#values.length;
  }
}

type AnyMethod = Method<never, never>;

export class FakeServer {
  readonly router = new Router();
  readonly transport: Transport;
  readonly activityTasks = new TaskFeed<Init<PollActivityTaskQueueResponse>>();
  readonly workflowTasks = new TaskFeed<Init<PollWorkflowTaskQueueResponse>>();
  readonly stickyTasks = new TaskFeed<Init<PollWorkflowTaskQueueResponse>>();
  readonly #received = new Map<string, Mailbox>();

  constructor() {
    this.router
      .add(WorkflowService.PollActivityTaskQueue, (_request, { signal }) => this.activityTasks.take(signal))
      .add(WorkflowService.PollWorkflowTaskQueue, ({ taskQueue }, { signal }) =>
        (taskQueue?.normalName ? this.stickyTasks : this.workflowTasks).take(signal),
      )
      .add(WorkflowService.DescribeNamespace, () => DescribeNamespaceResponse.create());
    for (const method of [
      WorkflowService.RespondActivityTaskCompleted,
      WorkflowService.RespondActivityTaskFailed,
      WorkflowService.RespondActivityTaskCanceled,
      WorkflowService.RecordActivityTaskHeartbeat,
      WorkflowService.RespondWorkflowTaskCompleted,
      WorkflowService.RespondWorkflowTaskFailed,
      WorkflowService.RespondQueryTaskCompleted,
      WorkflowService.ShutdownWorker,
    ] as unknown as readonly AnyMethod[]) {
      this.on(method, () => ({}) as never);
    }
    this.transport = inProcess(this.router);
  }

  /** Answers a method in the given way; each request is recorded first. */
  on<Request, Response>(
    method: Method<Request, Response>,
    answer: (request: Request, context: CallContext) => Init<Response> | Promise<Init<Response>>,
  ): this {
    this.router.add(method, (request, context) => {
      this.#mailbox(method).put(request);
      return answer(request, context);
    });
    return this;
  }

  /** The next request of this method, in order of arrival. */
  next<Request, Response>(method: Method<Request, Response>): Promise<Request> {
    return this.#mailbox(method).take() as Promise<Request>;
  }

  /** Requests that arrived and were not taken by {@link next}. */
  untaken(method: { readonly name: string }): number {
    return this.#mailbox(method).size;
  }

  #mailbox(method: { readonly name: string }): Mailbox {
    let mailbox = this.#received.get(method.name);
    if (mailbox === undefined) this.#received.set(method.name, (mailbox = new Mailbox()));
    return mailbox;
  }
}

/** Keeps the lines, so that a failing test can show them. */
export function silentLogger(): Logger & { readonly lines: string[] } {
  const lines: string[] = [];
  const at = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  return {
    lines,
    log: (level, message) => void lines.push(`${level} ${message}`),
    trace: at('TRACE'),
    debug: at('DEBUG'),
    info: at('INFO'),
    warn: at('WARN'),
    error: at('ERROR'),
  };
}

/** Lets everything that is ready run. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}
