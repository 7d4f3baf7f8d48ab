/**
 * The signal and query handlers of one run, and the signals that have come before their handler.
 *
 * No signal is ever lost: one without a handler waits until a handler for its name (or a default handler) is set. Handlers that wait may
 * run at the same time as the workflow function and each other; they take turns at their awaits.
 */
import { LateMap } from '../common/late-map.js';
import { IllegalStateError } from '../common/errors.js';
import { composeInterceptors } from '../common/interceptors.js';
import type { PayloadTypeInfo, TypeInfo } from '../common/type-info.js';
import type { Job, QueryCall } from './activation.js';
import { enhancedStackTraceQuery, stackTraceQuery, workflowMetadataQuery, type WorkflowMetadata } from './builtin-queries.js';
import type { DefaultQueryHandler, DefaultSignalHandler } from './handlers.js';
import { headersFromFields } from './interceptors.js';
import { enhancedStackTrace, stackTraces } from './stack-traces.js';
import type { WorkflowRun } from './workflow-run.js';

export interface NamedHandler {
  readonly handler: (...args: never[]) => unknown;
  readonly description: string | undefined;
  readonly warnIfUnfinished: boolean;
  /** How arguments and result travel. */
  readonly typeInfo?: PayloadTypeInfo | undefined;
}

type Signal = Omit<Extract<Job, { kind: 'signal' }>, 'kind'>;

/** Answered for every workflow, unless it has a handler of that name. */
const BUILTIN_QUERIES = [
  { name: stackTraceQuery.name, description: 'Where the workflow waits.' },
  { name: enhancedStackTraceQuery.name, description: 'Where the workflow waits, as data.' },
  { name: workflowMetadataQuery.name, description: 'What the workflow can be asked and told.' },
];
const RESERVED_PREFIX = '__temporal_';

export class HandlerTable {
  readonly #run: WorkflowRun;
  readonly #signals = new LateMap<string, NamedHandler>();
  readonly #queries = new LateMap<string, NamedHandler>();
  /** Names of running handlers that should be warned about, with how many run. */
  readonly #unfinished = new LateMap<string, number>();
  #buffered: Signal[] = [];
  #runningCount = 0;
  defaultSignal: DefaultSignalHandler | undefined;
  defaultQuery: DefaultQueryHandler | undefined;

  constructor(run: WorkflowRun) {
    this.#run = run;
  }

  /** Signal handlers that have not ended. */
  get runningCount(): number {
    return this.#runningCount;
  }

  /** Names of signals whose handlers are cut off if the workflow ends now, and that asked for a warning. */
  unfinished(): readonly string[] {
    return [...this.#unfinished.keys()];
  }

  setSignal(name: string, handler: NamedHandler | undefined): void {
    if (handler === undefined) this.#signals.delete(name);
    else {
      this.#signals.set(name, handler);
      this.dispatchBuffered();
    }
  }

  setQuery(name: string, handler: NamedHandler | undefined): void {
    if (handler === undefined) this.#queries.delete(name);
    else this.#queries.set(name, handler);
  }

  signal(signal: Signal): void {
    const { name } = signal;
    const named = this.#signals.get(name);
    if (named !== undefined) this.#start(named.warnIfUnfinished ? name : undefined, this.#handling(signal, named.typeInfo, (args) => named.handler(...(args as never[]))));
    else if (this.defaultSignal !== undefined && !name.startsWith(RESERVED_PREFIX)) {
      const { defaultSignal } = this;
      this.#start(name, this.#handling(signal, undefined, (args) => defaultSignal(name, ...args)));
    } else this.#buffered.push(signal);
  }

  #handling({ name, input, headers }: Signal, typeInfo: PayloadTypeInfo | undefined, handle: (args: unknown[]) => unknown): () => unknown {
    const { inbound } = this.#run.interceptors;
    if (inbound.length === 0) return () => handle(this.#run.arguments(input, typeInfo?.inputTypes));
    const handleSignal = composeInterceptors(inbound, 'handleSignal', async ({ args }) => void (await handle(args)));
    return () => handleSignal({ signalName: name, args: this.#run.arguments(input, typeInfo?.inputTypes), headers: headersFromFields(headers) });
  }

  /** Hands over waiting signals that have a handler now, in the order in which they came. */
  dispatchBuffered(): void {
    // A handler may set further handlers and so come here again: each round looks at what is left.
    for (;;) {
      const index = this.#buffered.findIndex(({ name }) => this.#signals.has(name) || (this.defaultSignal !== undefined && !name.startsWith(RESERVED_PREFIX)));
      const [next] = index < 0 ? [] : this.#buffered.splice(index, 1);
      if (next === undefined) return;
      this.signal(next);
    }
  }

  queryOutputType(name: string): TypeInfo | undefined {
    return this.#queries.get(name)?.typeInfo?.outputType;
  }

  /**
   * The answer of a query handler; with interceptors a promise of it.
   *
   * @throws whatever the handler throws; an error that names the known queries, if there is none.
   */
  answer(call: QueryCall): { readonly value: unknown } | Promise<unknown> {
    const args = this.#run.arguments(call.input, this.#queries.get(call.name)?.typeInfo?.inputTypes);
    const { inbound } = this.#run.interceptors;
    if (inbound.length === 0) return { value: this.#answerNow(call, args) };
    const input = { queryId: call.id, queryName: call.name, args, headers: headersFromFields(call.headers) };
    return composeInterceptors(inbound, 'handleQuery', async (changed) => this.#answerNow(call, changed.args))(input);
  }

  #answerNow(call: QueryCall, args: readonly unknown[]): unknown {
    const answer = this.#invokeQuery(call, args);
    if (typeof answer === 'object' && answer !== null && typeof (answer as { then?: unknown }).then === 'function') {
      (answer as Promise<unknown>).then(undefined, () => undefined);
      throw new IllegalStateError(`The query handler of '${call.name}' is asynchronous. A query must answer from the state at hand: return a value, not a promise.`);
    }
    return answer;
  }

  #invokeQuery(call: QueryCall, args: readonly unknown[]): unknown {
    const named = this.#queries.get(call.name);
    if (named !== undefined) return named.handler(...(args as never[]));
    if (call.name === stackTraceQuery.name) return stackTraces(this.#run);
    if (call.name === enhancedStackTraceQuery.name) return enhancedStackTrace(this.#run);
    if (call.name === workflowMetadataQuery.name) return this.#metadata();
    if (this.defaultQuery !== undefined && !call.name.startsWith(RESERVED_PREFIX)) return this.defaultQuery(call.name, ...args);
    throw new ReferenceError(
      `Workflow did not register a handler for ${call.name}. Registered queries: [${[...BUILTIN_QUERIES.map(({ name }) => name), ...this.#queries.keys()].join(' ')}]`,
    );
  }

  #metadata(): WorkflowMetadata {
    const listed = (handlers: Iterable<readonly [string, { readonly description: string | undefined }]>) =>
      [...handlers].map(([name, { description }]) => (description === undefined ? { name } : { name, description }));
    return {
      definition: {
        type: this.#run.start.workflowType,
        queryDefinitions: [
          ...BUILTIN_QUERIES,
          ...listed(this.#queries),
        ],
        signalDefinitions: listed(this.#signals),
        updateDefinitions: listed(this.#run.updates.named),
      },
      currentDetails: this.#run.currentDetails,
    };
  }

  #start(warnedName: string | undefined, handler: () => unknown): void {
    this.#runningCount++;
    if (warnedName !== undefined) this.#unfinished.set(warnedName, (this.#unfinished.get(warnedName) ?? 0) + 1);
    const execution = (async () => handler())();
    const ended = (): void => {
      this.#runningCount--;
      if (warnedName === undefined) return;
      const left = (this.#unfinished.get(warnedName) ?? 1) - 1;
      if (left === 0) this.#unfinished.delete(warnedName);
      else this.#unfinished.set(warnedName, left);
    };
    execution.then(ended, (error: unknown) => {
      ended();
      this.#run.handleFailure(error);
    });
  }
}
