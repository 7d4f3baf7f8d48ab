/**
 * The types that connect workflow code with its callers: workflows, activities, signals, queries and updates as typed values.
 *
 * `any` appears only where a bound must accept every function; nothing a user receives is typed by it.
 */
import type { Encoded, History } from '../../protocol/index.js';
import { CHECKS, type Checks } from './checks.js';
import type { Payload } from './payload-converter.js';
import type { SchemaInput, SchemaOutput, StandardSchema } from './schema.js';
import type { PayloadTypeInfo } from './type-info.js';

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

/** Hints of types of a signal's arguments. */
export type SignalTypeInfo = Pick<PayloadTypeInfo, 'inputTypes'>;

export interface SignalDefinitionOptions {
  typeInfo?: SignalTypeInfo;
}

export interface QueryDefinitionOptions {
  typeInfo?: PayloadTypeInfo;
}

export interface UpdateDefinitionOptions {
  typeInfo?: PayloadTypeInfo;
}

/** A signal by name, with what the definition would say. */
export interface WorkflowSignalOptions<Args extends any[] = []> {
  args?: Args;
  typeInfo?: SignalTypeInfo;
}

/** A query by name, with what the definition would say. */
export interface WorkflowQueryOptions<Args extends any[] = []> {
  args?: Args;
  typeInfo?: PayloadTypeInfo;
}

/** A signal by name and argument types; made by `defineSignal`. */
export interface SignalDefinition<Args extends any[] = [], Name extends string = string> {
  type: 'signal';
  name: Name;
  /** How the arguments travel, on both sides. Default: as they are. */
  typeInfo?: SignalTypeInfo;
  /** Never set: it carries the types. */
  [argsBrand]: Args;
}

/** A query by name, result and argument types; made by `defineQuery`. */
export interface QueryDefinition<Ret, Args extends any[] = [], Name extends string = string> {
  type: 'query';
  name: Name;
  /** How arguments and result travel, on both sides. Default: as they are. */
  typeInfo?: PayloadTypeInfo;
  [argsBrand]: Args;
  [retBrand]: Ret;
}

/** An update by name, result and argument types; made by `defineUpdate`. */
export interface UpdateDefinition<Ret, Args extends any[] = [], Name extends string = string> {
  type: 'update';
  name: Name;
  /** How arguments and result travel, on both sides. Default: as they are. */
  typeInfo?: PayloadTypeInfo;
  [argsBrand]: Args;
  [retBrand]: Ret;
}

/** What callers give for a schema; nothing where there is none. Optional if the schema takes undefined. */
export type CallerArgs<Schema extends StandardSchema | undefined> = Schema extends StandardSchema
  ? undefined extends SchemaInput<Schema>
    ? [input?: SchemaInput<Schema>]
    : [input: SchemaInput<Schema>]
  : [];
/** What handlers get. */
export type HandlerArgs<Schema extends StandardSchema | undefined> = Schema extends StandardSchema ? [input: SchemaOutput<Schema>] : [];
/** What callers get; unknown where there is no schema. */
export type CallerResult<Schema extends StandardSchema | undefined> = Schema extends StandardSchema ? SchemaOutput<Schema> : unknown;
/** What handlers give. */
export type HandlerResult<Schema extends StandardSchema | undefined> = Schema extends StandardSchema ? SchemaInput<Schema> : unknown;

export interface CheckedSignalOptions<Name extends string, Input extends StandardSchema | undefined> {
  readonly name: Name;
  /** Of the one argument. Default: there is none. */
  readonly input?: Input;
}

export interface CheckedMessageOptions<Name extends string, Input extends StandardSchema | undefined, Output extends StandardSchema | undefined>
  extends CheckedSignalOptions<Name, Input> {
  /** Of the result. Default: not checked. */
  readonly output?: Output;
}

/** Types that differ between callers and handlers, because the schema may transform; never set. */
interface HandlerTypes<Args extends unknown[], Result> {
  readonly args: Args;
  readonly result: Result;
}

/** A signal whose input is checked. */
export interface CheckedSignalDefinition<Args extends unknown[], HandlerArgs extends unknown[], Name extends string = string>
  extends SignalDefinition<Args, Name> {
  readonly [CHECKS]: Checks & Partial<HandlerTypes<HandlerArgs, void>>;
}

/** A query whose input and output are checked. */
export interface CheckedQueryDefinition<Ret, Args extends unknown[], HandlerArgs extends unknown[], HandlerRet, Name extends string = string>
  extends QueryDefinition<Ret, Args, Name> {
  readonly [CHECKS]: Checks & Partial<HandlerTypes<HandlerArgs, HandlerRet>>;
}

/** An update whose input and output are checked. */
export interface CheckedUpdateDefinition<Ret, Args extends unknown[], HandlerArgs extends unknown[], HandlerRet, Name extends string = string>
  extends UpdateDefinition<Ret, Args, Name> {
  readonly [CHECKS]: Checks & Partial<HandlerTypes<HandlerArgs, HandlerRet>>;
}

/** What client and workflow handles have in common. */
export interface BaseWorkflowHandle<T extends Workflow> {
  /** Resolves with the workflow's result when it completes. */
  result(): Promise<WorkflowResultType<T>>;
  /** Sends a signal, given by definition or by name. */
  signal<Args extends any[] = [], Name extends string = string>(def: SignalDefinition<Args, Name> | string, ...args: Args): Promise<void>;
  /** Sends a signal by name, with hints of types; a definition has its own. */
  signalWithOptions<Args extends any[] = []>(signalName: string, options: WorkflowSignalOptions<Args>): Promise<void>;
  readonly workflowId: string;
}

/* eslint-enable @typescript-eslint/no-explicit-any */

/** For replays. */
export interface HistoryAndWorkflowId {
  readonly workflowId: string;
  /** What a workflow handle's `fetchHistory` gives, or the bytes of such a message. */
  readonly history: History | Encoded<History>;
}

/** Context that travels with calls, such as trace ids. */
export type Headers = Record<string, Payload>;

/** What happens to a handler that is still running when the workflow ends. */
export const HandlerUnfinishedPolicy = { WARN_AND_ABANDON: 'WARN_AND_ABANDON', ABANDON: 'ABANDON' } as const;
export type HandlerUnfinishedPolicy = (typeof HandlerUnfinishedPolicy)[keyof typeof HandlerUnfinishedPolicy];

/** Makes a signal definition. `workflow` re-exports it. @example const approve = defineSignal<[string]>('approve'); */
export function defineSignal<Args extends unknown[] = [], Name extends string = string>(name: Name, options?: SignalDefinitionOptions): SignalDefinition<Args, Name>;
/**
 * Makes a signal definition with a schema. Clients refuse to send what does not fit; if it comes from elsewhere, the worker logs and drops
 * it. The handler gets what the schema made of it.
 *
 * @example const approve = defineSignal({ name: 'approve', input: z.object({ by: z.string() }) });
 */
export function defineSignal<Name extends string, Input extends StandardSchema | undefined = undefined>(
  options: CheckedSignalOptions<Name, Input>,
): CheckedSignalDefinition<CallerArgs<Input>, HandlerArgs<Input>, Name>;
export function defineSignal(definition: string | CheckedSignalOptions<string, StandardSchema | undefined>, options?: SignalDefinitionOptions): never {
  return made('signal', definition, options);
}

/** Makes a query definition. @example const status = defineQuery<string>('status'); */
export function defineQuery<Ret, Args extends unknown[] = [], Name extends string = string>(
  name: Name,
  options?: QueryDefinitionOptions,
): QueryDefinition<Ret, Args, Name>;
/**
 * Makes a query definition with schemas. What does not fit fails the query.
 *
 * @example const total = defineQuery({ name: 'total', input: z.object({ currency: z.string() }), output: z.number() });
 */
export function defineQuery<
  Name extends string,
  Input extends StandardSchema | undefined = undefined,
  Output extends StandardSchema | undefined = undefined,
>(
  options: CheckedMessageOptions<Name, Input, Output>,
): CheckedQueryDefinition<CallerResult<Output>, CallerArgs<Input>, HandlerArgs<Input>, HandlerResult<Output>, Name>;
export function defineQuery(
  definition: string | CheckedMessageOptions<string, StandardSchema | undefined, StandardSchema | undefined>,
  options?: QueryDefinitionOptions,
): never {
  return made('query', definition, options);
}

/** Makes an update definition. @example const add = defineUpdate<number, [number]>('add'); */
export function defineUpdate<Ret, Args extends unknown[] = [], Name extends string = string>(
  name: Name,
  options?: UpdateDefinitionOptions,
): UpdateDefinition<Ret, Args, Name>;
/**
 * Makes an update definition with schemas. Input that does not fit is refused by clients; if it comes from elsewhere, the update is rejected
 * before its validator is asked, and leaves no trace. A result that does not fit is a bug in the code and fails the workflow task.
 *
 * @example const addItem = defineUpdate({ name: 'addItem', input: Item, output: z.number() });
 */
export function defineUpdate<
  Name extends string,
  Input extends StandardSchema | undefined = undefined,
  Output extends StandardSchema | undefined = undefined,
>(
  options: CheckedMessageOptions<Name, Input, Output>,
): CheckedUpdateDefinition<CallerResult<Output>, CallerArgs<Input>, HandlerArgs<Input>, HandlerResult<Output>, Name>;
export function defineUpdate(
  definition: string | CheckedMessageOptions<string, StandardSchema | undefined, StandardSchema | undefined>,
  options?: UpdateDefinitionOptions,
): never {
  return made('update', definition, options);
}

/** Gives whatever the signatures above promise: no type says it all. */
function made(type: string, given: string | CheckedMessageOptions<string, StandardSchema | undefined, StandardSchema | undefined>, options?: QueryDefinitionOptions): never {
  const { typeInfo } = options ?? {};
  if (typeof given === 'string') return { type, name: given, ...(typeInfo && { typeInfo }) } as never;
  const { name, input, output } = given;
  if (typeof name !== 'string' || name === '') throw new TypeError(`A ${type} definition needs a name, for example { name: 'approve', input: schema }.`);
  const checks: Checks = { subject: `${type} '${name}'`, input, output };
  return { type, name, [CHECKS]: checks } as never;
}

/**
 * The hints of a signal, query or update: those of its definition, or those of the call for one that is given by name.
 *
 * @throws TypeError if both are given
 */
export function typeInfoOf<Info extends PayloadTypeInfo>(definition: { readonly name: string; readonly typeInfo?: Info } | string, ofCall?: Info): Info | undefined {
  if (typeof definition === 'string') return ofCall;
  if (ofCall === undefined) return definition.typeInfo;
  throw new TypeError(`Give the type hints of '${definition.name}' with its definition, \`{ typeInfo }\` as second argument of define…, not with the call: its handler must name the same.`);
}
