/** What a workflow can be told and asked: signals and queries. */
import { IllegalStateError } from '../common/errors.js';
import type { HandlerUnfinishedPolicy, QueryDefinition, SignalDefinition, UpdateDefinition } from '../common/definitions.js';
import { currentRun } from './current-run.js';

/** The function that handles a definition. Query handlers must not be asynchronous: a query must see one consistent state. */
export type Handler<Definition> =
  Definition extends SignalDefinition<infer Args extends unknown[], string>
    ? (...args: Args) => void | Promise<void>
    : Definition extends QueryDefinition<infer Result, infer Args extends unknown[], string>
      ? (...args: Args) => Result
      : never;

export type DefaultSignalHandler = (signalName: string, ...args: unknown[]) => void | Promise<void>;
export type DefaultQueryHandler = (queryName: string, ...args: unknown[]) => unknown;

export interface HandlerOptions {
  /** One line for people who look at the workflow. */
  readonly description?: string;
  readonly unfinishedPolicy?: HandlerUnfinishedPolicy;
}

/**
 * Sets the handler of a signal or query; undefined removes it. Signals that came before are handed to it at once, in order.
 *
 * @example setHandler(approve, (approver) => { approvedBy = approver });
 */
export function setHandler<Args extends unknown[]>(
  definition: SignalDefinition<Args, string>,
  handler: ((...args: NoInfer<Args>) => void | Promise<void>) | undefined,
  options?: HandlerOptions,
): void;
export function setHandler<Result, Args extends unknown[]>(
  definition: QueryDefinition<Result, Args, string>,
  handler: ((...args: NoInfer<Args>) => Result) | undefined,
  options?: HandlerOptions,
): void;
export function setHandler(
  definition: SignalDefinition<never[], string> | QueryDefinition<unknown, never[], string> | UpdateDefinition<unknown, never[], string>,
  handler: ((...args: never[]) => unknown) | undefined,
  options?: HandlerOptions,
): void {
  const { handlers } = currentRun('setHandler');
  const warnIfUnfinished = options?.unfinishedPolicy !== 'ABANDON';
  const named = handler && { handler, description: options?.description, warnIfUnfinished };
  const { type, name } = definition;
  switch (type) {
    case 'signal':
      return handlers.setSignal(name, named);
    case 'query':
      return handlers.setQuery(name, named);
    case 'update':
      throw new IllegalStateError(
        `Updates are not supported yet ('${name}'). Use a signal to change the workflow and a query to read the outcome.`,
      );
    default:
      definition satisfies never;
      throw new TypeError(`setHandler needs what defineSignal or defineQuery gave, not a definition of type '${String(type)}'.`);
  }
}

/** Handles signals that have no handler of their own. */
export function setDefaultSignalHandler(handler: DefaultSignalHandler | undefined): void {
  const { handlers } = currentRun('setDefaultSignalHandler');
  handlers.defaultSignal = handler;
  if (handler !== undefined) handlers.dispatchBuffered();
}

/** Answers queries that have no handler of their own. */
export function setDefaultQueryHandler(handler: DefaultQueryHandler | undefined): void {
  currentRun('setDefaultQueryHandler').handlers.defaultQuery = handler;
}

/** True when no signal handler is running. `await condition(allHandlersFinished)` before returning, so that none is cut off. */
export function allHandlersFinished(): boolean {
  return currentRun('allHandlersFinished').handlers.runningCount === 0;
}

