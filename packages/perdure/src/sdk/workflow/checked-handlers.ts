/**
 * Handlers of definitions that have schemas. They are wrapped when they are set, so nothing else of a run knows of schemas.
 *
 * Nothing is awaited before the user's handler is called: a definition that gets a schema makes the same commands as before.
 */
import { asFailure, inputOf, outputOf, type Checks } from '../common/checks.js';
import { SchemaValidationError } from '../common/schema.js';
import { currentRun } from './current-run.js';
import { WorkflowError } from './errors.js';
import { writeFor } from './log.js';
import type { NamedUpdateHandler } from './update-handlers.js';

type AnyHandler = (...args: never[]) => unknown;

/** Nobody waits for an answer, so a signal cannot be refused: what does not fit is reported and dropped, and the workflow goes on. */
export function checkedSignalHandler(checks: Checks, name: string, handler: AnyHandler): AnyHandler {
  return (...args) => {
    let input: readonly unknown[];
    try {
      input = inputOf(checks, args);
    } catch (error) {
      if (!(error instanceof SchemaValidationError)) throw error;
      writeFor(currentRun('signal'), 'WARN', `A signal was dropped. ${error.message}`, { signalName: name });
      return undefined;
    }
    return handler(...(input as never[]));
  };
}

export function checkedQueryHandler(checks: Checks, handler: AnyHandler): AnyHandler {
  return (...args) => outputOf(checks, handler(...(asFailure(() => inputOf(checks, args)) as never[])));
}

/** The schema is the first validator. Once accepted, what does not fit any more is a change of the code. */
export function checkedUpdateHandler(checks: Checks, given: NamedUpdateHandler): NamedUpdateHandler {
  const { handler, validator } = given;
  return {
    ...given,
    validator: (...args) => {
      const input = asFailure(() => inputOf(checks, args));
      validator?.(...(input as never[]));
    },
    handler: (...args) => {
      const result = handler(...(accepted(() => inputOf(checks, args)) as never[]));
      return checks.output === undefined ? result : checkedResult(checks, result);
    },
  };
}

async function checkedResult(checks: Checks, result: unknown): Promise<unknown> {
  return outputOf(checks, await result);
}

function accepted<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof SchemaValidationError)) throw error;
    throw new WorkflowError(`${error.message}. The update was accepted before: make the schema accept it again, or guard the stricter one with \`patched\`.`);
  }
}
