/**
 * The update handlers of one run, the updates that wait for a handler, and those in progress.
 *
 * An update that arrives is validated and then begun in one go, synchronously: nothing else of the workflow runs in between, so what the
 * validator saw is what the handler finds. A validator may only look: if it throws, or an argument cannot be read, the update is rejected
 * and leaves no trace in history. In a replay it is not called, because history says that the update was accepted.
 *
 * An update without a handler waits until the end of the activation in which it came: the workflow function may set the handler as one of
 * its first acts. If it has not done so by then, the update is rejected.
 *
 * The number of microtasks between a handler's end and the completion of its update is part of the order of commands; see the README.
 */
import { LateMap } from '../common/late-map.js';
import { composeInterceptors } from '../common/interceptors.js';
import { ensureTemporalFailure, ApplicationFailure } from '../common/failure.js';
import type { PayloadTypeInfo, TypeInfo } from '../common/type-info.js';
import type { UpdateJob } from './activation.js';
import { runAsUpdate } from './current-update.js';
import type { DefaultUpdateHandler } from './handlers.js';
import { headersFromFields, type UpdateInput } from './interceptors.js';
import type { WorkflowRun } from './workflow-run.js';

export interface NamedUpdateHandler {
  readonly handler: (...args: never[]) => unknown;
  readonly validator: ((...args: never[]) => void) | undefined;
  readonly description: string | undefined;
  readonly warnIfUnfinished: boolean;
  /** How arguments and result travel. */
  readonly typeInfo?: PayloadTypeInfo | undefined;
}

interface RunningUpdate {
  readonly name: string;
  readonly warnIfUnfinished: boolean;
}

const RESERVED_PREFIX = '__temporal_';

export class UpdateHandlers {
  readonly #run: WorkflowRun;
  readonly #handlers = new LateMap<string, NamedUpdateHandler>();
  /** By protocol instance id. */
  readonly #running = new LateMap<string, RunningUpdate>();
  #buffered: UpdateJob[] = [];
  #default: DefaultUpdateHandler | undefined;

  constructor(run: WorkflowRun) {
    this.#run = run;
  }

  /** Update handlers that have not ended. */
  get runningCount(): number {
    return this.#running.size;
  }

  get named(): Iterable<readonly [string, NamedUpdateHandler]> {
    return this.#handlers;
  }

  /** Names and ids of updates whose handlers are cut off if the workflow ends now, and that asked for a warning. */
  unfinished(): readonly string[] {
    return [...this.#running].filter(([, { warnIfUnfinished }]) => warnIfUnfinished).map(([id, { name }]) => `${name} ${id}`);
  }

  /** The workflow fails: its handlers are over, and that is no news. */
  forgetRunning(): void {
    this.#running.clear();
  }

  set(name: string, handler: NamedUpdateHandler | undefined): void {
    if (handler === undefined) this.#handlers.delete(name);
    else {
      this.#handlers.set(name, handler);
      this.#dispatchBuffered();
    }
  }

  setDefault(handler: DefaultUpdateHandler | undefined): void {
    this.#default = handler;
    if (handler !== undefined) this.#dispatchBuffered();
  }

  update(job: UpdateJob): void {
    const handler = this.#find(job.name);
    if (handler === undefined) this.#buffered.push(job);
    else void runAsUpdate({ id: job.updateId, name: job.name }, () => this.#begin(job, handler));
  }

  /** At the end of an activation: nobody took them. */
  rejectBuffered(): void {
    for (const job of this.#buffered.splice(0)) {
      this.#reject(job, ApplicationFailure.nonRetryable(`No registered handler for update: ${job.name}`));
    }
  }

  #find(name: string): NamedUpdateHandler | undefined {
    const named = this.#handlers.get(name);
    if (named !== undefined || this.#default === undefined || name.startsWith(RESERVED_PREFIX)) return named;
    const fallback = this.#default as (name: string, ...args: never[]) => unknown;
    return { handler: (...args) => fallback(name, ...args), validator: undefined, description: undefined, warnIfUnfinished: true };
  }

  #dispatchBuffered(): void {
    // A handler may set further handlers and so come here again: each round looks at what is left.
    for (;;) {
      const index = this.#buffered.findIndex(({ name }) => this.#find(name) !== undefined);
      const [next] = index < 0 ? [] : this.#buffered.splice(index, 1);
      if (next === undefined) return;
      this.update(next);
    }
  }

  #begin(job: UpdateJob, { handler, validator, warnIfUnfinished, typeInfo }: NamedUpdateHandler): void {
    const run = this.#run;
    const { inbound } = run.interceptors;
    let input: UpdateInput;
    try {
      // Arguments are read anew for the handler: what the validator did to its own must not show.
      if (job.runValidator && validator !== undefined) {
        const validate = composeInterceptors(inbound, 'validateUpdate', ({ args }) => validator(...(args as never[])));
        run.readOnly('An update validator', () => validate(this.#inputOf(job, typeInfo?.inputTypes)));
      }
      input = this.#inputOf(job, typeInfo?.inputTypes);
    } catch (error) {
      this.#reject(job, error);
      return;
    }
    const { protocolInstanceId, name } = job;
    run.push({ kind: 'accept-update', protocolInstanceId });
    this.#running.set(protocolInstanceId, { name, warnIfUnfinished });
    const handle = composeInterceptors(inbound, 'handleUpdate', async ({ args }) => await handler(...(args as never[])));
    const execution = inbound.length === 0 ? handle(input) : (async () => handle(input))();
    execution
      .then((result) => run.push({ kind: 'complete-update', protocolInstanceId, result: { ok: true, payload: run.toPayload(result, typeInfo?.outputType) } }))
      .catch((error: unknown) => {
        if (run.isFailure(error)) {
          run.push({ kind: 'complete-update', protocolInstanceId, result: { ok: false, failure: run.toFailure(error) } });
        } else run.handleFailure(error);
      })
      .finally(() => this.#running.delete(protocolInstanceId));
  }

  #inputOf({ updateId, name, input, headers }: UpdateJob, types: readonly TypeInfo[] | undefined): UpdateInput {
    return { updateId, name, args: this.#run.arguments(input, types), headers: headersFromFields(headers) };
  }

  #reject({ protocolInstanceId }: UpdateJob, error: unknown): void {
    this.#run.push({ kind: 'reject-update', protocolInstanceId, failure: this.#run.toFailure(ensureTemporalFailure(error)) });
  }
}
