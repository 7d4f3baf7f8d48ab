/**
 * The schemas that a definition was made with, and where they are asked.
 *
 * A definition carries them under a symbol that all realms share. Callers check what they give and send it as it is; who receives it checks
 * it again and goes on with what the schema made of it. So a transformation happens once, and a caller that does not know the schema (another
 * language, an older program) cannot bring in what does not fit.
 */
import { checked, checkedNow, SchemaValidationError, type StandardSchema } from './schema.js';

/** On definitions, and on functions that `defineWorkflow` and `defineActivity` gave. */
export const CHECKS: unique symbol = Symbol.for('perdure.checks') as never;

export interface Checks {
  /** Such as `signal 'approve'`. */
  readonly subject: string;
  readonly input: StandardSchema | undefined;
  readonly output: StandardSchema | undefined;
}

/** The schemas of a definition or function; undefined for one without, and for a name. */
export function checksOf(definition: unknown): Checks | undefined {
  if ((typeof definition !== 'object' && typeof definition !== 'function') || definition === null) return undefined;
  return (definition as { readonly [CHECKS]?: Checks })[CHECKS];
}

/** For callers: refuses what does not fit, changes nothing. @throws SchemaValidationError */
export async function checkArguments(definition: unknown, args: readonly unknown[]): Promise<void> {
  const checks = checksOf(definition);
  if (checks !== undefined) await checked(checks.input, args[0], `The input of ${checks.subject}`);
}

/** For callers in workflow code. @throws ApplicationFailure, not retryable, so that the workflow can catch it or fails. */
export function checkArgumentsNow(definition: unknown, args: readonly unknown[]): void {
  const checks = checksOf(definition);
  if (checks !== undefined) asFailure(() => inputOf(checks, args));
}

/** For receivers in workflow code. @throws SchemaValidationError, IllegalStateError */
export function inputOf({ input, subject }: Checks, args: readonly unknown[]): readonly unknown[] {
  return input === undefined ? args : [checkedNow(input, args[0], `The input of ${subject}`)];
}

export function outputOf({ output, subject }: Checks, result: unknown): unknown {
  return checkedNow(output, result, `The output of ${subject}`);
}

/** Turns a refusal into what fails a workflow, update or activity. */
export function asFailure<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw error instanceof SchemaValidationError ? error.toFailure() : error;
  }
}
