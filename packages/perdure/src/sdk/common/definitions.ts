/**
 * The types that connect workflow code with its callers: workflows, activities, signals, queries and updates as typed values.
 *
 * `any` appears only where a bound must accept every function; nothing a user receives is typed by it.
 */
import type { Payload } from './payload-converter.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- `unknown[]` as parameters would refuse every function with typed parameters. */

/** What a workflow function returns. */
export type WorkflowReturnType = Promise<unknown>;

/** A workflow function. */
export type Workflow = (...args: any[]) => WorkflowReturnType;

/** What the promise of a workflow function resolves to. */
export type WorkflowResultType<W extends Workflow> = ReturnType<W> extends Promise<infer R> ? R : never;

/** An activity function, as seen from outside: always asynchronous. */
export interface ActivityFunction<P extends any[] = any[], R = unknown> {
  (...args: P): Promise<R>;
}

/** Activities by name. */
export type ActivityInterface = Record<string, ActivityFunction>;
/** Activities by name, when their types are not known. */
export type UntypedActivities = Record<string, ActivityFunction>;

export type WorkflowSignalType = (...args: any[]) => Promise<void> | void;
export type WorkflowQueryType = (...args: any[]) => unknown;
export type WorkflowUpdateType = (...args: any[]) => unknown;
export type WorkflowUpdateValidatorType = (...args: any[]) => void;

declare const argsBrand: unique symbol;
declare const retBrand: unique symbol;

/** A signal by name and argument types; made by `defineSignal`. */
export interface SignalDefinition<Args extends any[] = [], Name extends string = string> {
  type: 'signal';
  name: Name;
  /** Never set: it carries the types. */
  [argsBrand]: Args;
}

/** A query by name, result and argument types; made by `defineQuery`. */
export interface QueryDefinition<Ret, Args extends any[] = [], Name extends string = string> {
  type: 'query';
  name: Name;
  [argsBrand]: Args;
  [retBrand]: Ret;
}

/** An update by name, result and argument types; made by `defineUpdate`. */
export interface UpdateDefinition<Ret, Args extends any[] = [], Name extends string = string> {
  type: 'update';
  name: Name;
  [argsBrand]: Args;
  [retBrand]: Ret;
}

/** What client and workflow handles have in common. */
export interface BaseWorkflowHandle<T extends Workflow> {
  /** Resolves with the workflow's result when it completes. */
  result(): Promise<WorkflowResultType<T>>;
  /** Sends a signal, given by definition or by name. */
  signal<Args extends any[] = [], Name extends string = string>(def: SignalDefinition<Args, Name> | string, ...args: Args): Promise<void>;
  readonly workflowId: string;
}

/* eslint-enable @typescript-eslint/no-explicit-any */

/** Context that travels with calls, such as trace ids. */
export type Headers = Record<string, Payload>;

/** What happens to a handler that is still running when the workflow ends. */
export const HandlerUnfinishedPolicy = { WARN_AND_ABANDON: 'WARN_AND_ABANDON', ABANDON: 'ABANDON' } as const;
export type HandlerUnfinishedPolicy = (typeof HandlerUnfinishedPolicy)[keyof typeof HandlerUnfinishedPolicy];

/** Makes a signal definition. `workflow` re-exports it. @example const approve = defineSignal<[string]>('approve'); */
export function defineSignal<Args extends unknown[] = [], Name extends string = string>(name: Name): SignalDefinition<Args, Name> {
  return { type: 'signal', name } as SignalDefinition<Args, Name>;
}

/** Makes a query definition. @example const status = defineQuery<string>('status'); */
export function defineQuery<Ret, Args extends unknown[] = [], Name extends string = string>(name: Name): QueryDefinition<Ret, Args, Name> {
  return { type: 'query', name } as QueryDefinition<Ret, Args, Name>;
}

/** Makes an update definition. @example const add = defineUpdate<number, [number]>('add'); */
export function defineUpdate<Ret, Args extends unknown[] = [], Name extends string = string>(name: Name): UpdateDefinition<Ret, Args, Name> {
  return { type: 'update', name } as UpdateDefinition<Ret, Args, Name>;
}
