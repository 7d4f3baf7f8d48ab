/** What a workflow can be told and asked: signals, queries and updates. */
import { checksOf, type CHECKS } from '../common/checks.js';
import type {
  CheckedQueryDefinition,
  CheckedSignalDefinition,
  CheckedUpdateDefinition,
  HandlerUnfinishedPolicy,
  QueryDefinition,
  SignalDefinition,
  UpdateDefinition,
} from '../common/definitions.js';
import { checkedQueryHandler, checkedSignalHandler, checkedUpdateHandler } from './checked-handlers.js';
import { currentRun } from './current-run.js';

/** The function that handles a definition. Query handlers must not be asynchronous: a query must see one consistent state. */
export type Handler<Definition> =
  Definition extends CheckedSignalDefinition<unknown[], infer Args, string>
    ? (...args: Args) => void | Promise<void>
    : Definition extends CheckedQueryDefinition<unknown, unknown[], infer Args, infer Result, string>
      ? (...args: Args) => Result
      : Definition extends CheckedUpdateDefinition<unknown, unknown[], infer Args, infer Result, string>
        ? (...args: Args) => Result | Promise<Result>
        : PlainHandler<Definition>;

type PlainHandler<Definition> =
  Definition extends SignalDefinition<infer Args extends unknown[], string>
    ? (...args: Args) => void | Promise<void>
    : Definition extends QueryDefinition<infer Result, infer Args extends unknown[], string>
      ? (...args: Args) => Result
      : Definition extends UpdateDefinition<infer Result, infer Args extends unknown[], string>
        ? (...args: Args) => Result | Promise<Result>
        : never;

/** A definition without schemas: one with schemas must not be taken for it, its handlers have other types. */
interface Unchecked {
  readonly [CHECKS]?: undefined;
}

export type DefaultSignalHandler = (signalName: string, ...args: unknown[]) => void | Promise<void>;
export type DefaultQueryHandler = (queryName: string, ...args: unknown[]) => unknown;
export type DefaultUpdateHandler = (updateName: string, ...args: unknown[]) => unknown;

export interface HandlerOptions {
  /** One line for people who look at the workflow. */
  readonly description?: string;
  /** What happens if the workflow ends while a call of the handler runs. Not for queries. Default: a warning is logged. */
  readonly unfinishedPolicy?: HandlerUnfinishedPolicy;
}

export interface UpdateHandlerOptions<Args extends unknown[] = unknown[]> extends HandlerOptions {
  /**
   * Called before the handler, with the same arguments. If it throws, the update is rejected and leaves no trace. It must only look:
   * no change of state, no activities, not asynchronous. Not called in a replay.
   */
  readonly validator?: (...args: Args) => void;
}

/**
 * Sets the handler of a signal, query or update; undefined removes it. Signals that came before are handed to it at once, in order;
 * updates too, if they came with the workflow task that is being processed: others have been rejected.
 *
 * What an update handler returns is the update's result; a `TemporalFailure` that it throws fails the update. Any other error is a bug
 * in the code and fails the workflow task.
 *
 * @example
 * setHandler(approve, (approver) => { approvedBy = approver });
 * setHandler(addItem, (item) => { items.push(item); return items.length }, {
 *   validator: (item) => { if (item.quantity < 1) throw new Error('quantity must be at least 1') },
 * });
 */
export function setHandler<Args extends unknown[]>(
  definition: CheckedSignalDefinition<unknown[], Args, string>,
  handler: ((...args: NoInfer<Args>) => void | Promise<void>) | undefined,
  options?: HandlerOptions,
): void;
export function setHandler<Result, Args extends unknown[]>(
  definition: CheckedQueryDefinition<unknown, unknown[], Args, Result, string>,
  handler: ((...args: NoInfer<Args>) => NoInfer<Result>) | undefined,
  options?: HandlerOptions,
): void;
export function setHandler<Result, Args extends unknown[]>(
  definition: CheckedUpdateDefinition<unknown, unknown[], Args, Result, string>,
  handler: ((...args: NoInfer<Args>) => NoInfer<Result> | Promise<NoInfer<Result>>) | undefined,
  options?: UpdateHandlerOptions<NoInfer<Args>>,
): void;
export function setHandler<Args extends unknown[]>(
  definition: SignalDefinition<Args, string> & Unchecked,
  handler: ((...args: NoInfer<Args>) => void | Promise<void>) | undefined,
  options?: HandlerOptions,
): void;
export function setHandler<Result, Args extends unknown[]>(
  definition: QueryDefinition<Result, Args, string> & Unchecked,
  handler: ((...args: NoInfer<Args>) => Result) | undefined,
  options?: HandlerOptions,
): void;
export function setHandler<Result, Args extends unknown[]>(
  definition: UpdateDefinition<Result, Args, string> & Unchecked,
  handler: ((...args: NoInfer<Args>) => Result | Promise<Result>) | undefined,
  options?: UpdateHandlerOptions<NoInfer<Args>>,
): void;
export function setHandler(
  definition: SignalDefinition<unknown[], string> | QueryDefinition<unknown, unknown[], string> | UpdateDefinition<unknown, unknown[], string>,
  handler: ((...args: never[]) => unknown) | undefined,
  options?: UpdateHandlerOptions<never[]>,
): void {
  const { handlers, updates } = currentRun('setHandler');
  const warnIfUnfinished = options?.unfinishedPolicy !== 'ABANDON';
  const checks = checksOf(definition);
  const named = handler && { handler, description: options?.description, warnIfUnfinished, typeInfo: definition.typeInfo };
  const { type, name } = definition;
  switch (type) {
    case 'signal':
      return handlers.setSignal(name, named && checks ? { ...named, handler: checkedSignalHandler(checks, name, named.handler) } : named);
    case 'query':
      return handlers.setQuery(name, named && checks ? { ...named, handler: checkedQueryHandler(checks, named.handler) } : named);
    case 'update': {
      const update = named && { ...named, validator: options?.validator };
      return updates.set(name, update && checks ? checkedUpdateHandler(checks, update) : update);
    }
    default:
      definition satisfies never;
      throw new TypeError(`setHandler needs what defineSignal, defineQuery or defineUpdate gave, not a definition of type '${String(type)}'.`);
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

/** Handles updates that have no handler of their own. There is no validator: to refuse an update, throw from the handler. */
export function setDefaultUpdateHandler(handler: DefaultUpdateHandler | undefined): void {
  currentRun('setDefaultUpdateHandler').updates.setDefault(handler);
}

/** True when no handler of a signal or update is running. `await condition(allHandlersFinished)` before returning, so that none is cut off. */
export function allHandlersFinished(): boolean {
  const { handlers, updates } = currentRun('allHandlersFinished');
  return handlers.runningCount === 0 && updates.runningCount === 0;
}

