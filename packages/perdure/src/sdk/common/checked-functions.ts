/**
 * Workflows and activities with schemas: functions that check what they are given before the user's code sees it.
 *
 * What `defineWorkflow` and `defineActivity` give is an ordinary function, so everything that takes a workflow or an activity takes it too.
 * It checks by itself, wherever it runs; that it carries its schemas lets callers check beforehand.
 */
import { asFailure, CHECKS, inputOf, outputOf, type Checks } from './checks.js';
import type { CallerArgs, CallerResult, HandlerArgs, HandlerResult } from './definitions.js';
import { checked, SchemaValidationError, type StandardSchema } from './schema.js';

type Schema = StandardSchema | undefined;

export interface CheckedFunctionOptions<Input extends Schema, Output extends Schema> {
  /** The type name. Default: the name of the function. */
  readonly name?: string;
  /** Of the one argument. Default: there is none. */
  readonly input?: Input;
  /** Of the result. Default: not checked. */
  readonly output?: Output;
}

/** A function of workflow or activity code with schemas. */
export type CheckedFunction<Input extends Schema, Output extends Schema, Result> = ((
  ...args: CallerArgs<Input>
) => Promise<Output extends StandardSchema ? CallerResult<Output> : Awaited<Result>>) & {
  readonly [CHECKS]: Checks;
};

/**
 * A workflow whose input and output are checked. The function gets what the schema made of the input.
 *
 * Clients and parents refuse to start it with input that does not fit; started from elsewhere, it fails with an `ApplicationFailure` of type
 * `SchemaValidationError`, not retryable. Output that does not fit is a bug in the code: it fails the workflow task, and the workflow goes on
 * after a fixed deploy. Schemas must be synchronous.
 *
 * Runs that exist are checked again in every replay: loosen the schema of a workflow at will, but guard a stricter one with `patched`.
 *
 * @throws TypeError if neither `name` is given nor the function has one.
 * @example
 * export const order = defineWorkflow({ name: 'order', input: Order, output: Receipt }, async (order) => {
 *   return await charge(order);
 * });
 */
export function defineWorkflow<Result extends HandlerResult<Output>, Input extends Schema = undefined, Output extends Schema = undefined>(
  options: CheckedFunctionOptions<Input, Output>,
  run: (...args: HandlerArgs<Input>) => Promise<Result>,
): CheckedFunction<Input, Output, Result> {
  const checks = checksFor('workflow', options, run);
  const workflow = async (...args: unknown[]): Promise<unknown> => {
    const input = asFailure(() => inputOf(checks, args));
    return outputOf(checks, await run(...(input as HandlerArgs<Input>)));
  };
  return carrying<CheckedFunction<Input, Output, Result>>(workflow, checks, nameFor(options, run));
}

/**
 * An activity whose input and output are checked. The function gets what the schema made of the input. Schemas may be asynchronous.
 *
 * Input that does not fit fails the activity with an `ApplicationFailure` of type `SchemaValidationError`, not retryable. Output that does not
 * fit fails the attempt with the same type; it is tried again, because the next answer of a remote service may fit.
 *
 * @throws TypeError if neither `name` is given nor the function has one.
 * @example
 * export const chargeCard = defineActivity({ name: 'chargeCard', input: Order, output: Receipt }, async (order) => bank.charge(order));
 */
export function defineActivity<Result extends HandlerResult<Output>, Input extends Schema = undefined, Output extends Schema = undefined>(
  options: CheckedFunctionOptions<Input, Output>,
  run: (...args: HandlerArgs<Input>) => Result | Promise<Result>,
): CheckedFunction<Input, Output, Result> {
  const checks = checksFor('activity', options, run);
  const activity = async (...args: unknown[]): Promise<unknown> => {
    const { input, output, subject } = checks;
    const given = input === undefined ? args : [await checked(input, args[0], `The input of ${subject}`).catch(refused(true))];
    const result = await run(...(given as HandlerArgs<Input>));
    return checked(output, result, `The output of ${subject}`).catch(refused(false));
  };
  return carrying<CheckedFunction<Input, Output, Result>>(activity, checks, nameFor(options, run));
}

type AnyFunction = (...args: never[]) => unknown;

function checksFor(what: string, options: CheckedFunctionOptions<Schema, Schema>, run: AnyFunction): Checks {
  const name = nameFor(options, run);
  if (name === '') throw new TypeError(`The ${what} has no name. Give one, for example { name: 'order', input: schema }; it is best the name under which it is exported.`);
  return { subject: `${what} '${name}'`, input: options.input, output: options.output };
}

function nameFor({ name }: CheckedFunctionOptions<Schema, Schema>, run: AnyFunction): string {
  return name ?? run.name;
}

function carrying<Carrier>(checking: (...args: unknown[]) => Promise<unknown>, checks: Checks, name: string): Carrier {
  Object.defineProperty(checking, 'name', { value: name, configurable: true });
  return Object.assign(checking, { [CHECKS]: checks }) as Carrier;
}

function refused(nonRetryable: boolean): (error: unknown) => never {
  return (error) => {
    throw error instanceof SchemaValidationError ? error.toFailure(nonRetryable) : error;
  };
}
