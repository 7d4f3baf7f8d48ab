/**
 * Checking values with a schema of any library that follows Standard Schema (version 1): zod, valibot, arktype and others.
 *
 * The interface is typed here, so that no library is needed. `checkedNow` is for workflow code, where nothing may wait for the outside: a
 * schema that answers with a promise is refused there. `checked` is for clients and activities, where it may.
 *
 * A refusal names the fields. It has the same name and type everywhere: `SchemaValidationError`, as an error of the client, or as the type
 * of an `ApplicationFailure` in histories.
 */
import { brandedErrorClass } from './error-brand.js';
import { IllegalStateError, ValueError } from './errors.js';
import { ApplicationFailure } from './failure.js';

/** A schema of any library: what it must have to be used in definitions. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    /** The library. */
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    /** Never read: it carries the types. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What a schema takes. */
export type SchemaInput<Schema extends StandardSchema> = NonNullable<Schema['~standard']['types']>['input'];
/** What a schema gives, after defaults and transformations. */
export type SchemaOutput<Schema extends StandardSchema> = NonNullable<Schema['~standard']['types']>['output'];

/** One thing that is wrong with a value. */
export interface SchemaIssue {
  /** Such as `items[0].quantity`; empty if it is about the value as a whole. */
  readonly path: string;
  readonly message: string;
}

/** A message names so many; `issues` has all. */
const MOST_NAMED = 5;

/** A value does not fit the schema of a definition. Thrown to whoever gives it, before anything is sent. */
export class SchemaValidationError extends ValueError {
  constructor(
    /** Such as `The input of signal 'approve'`. */
    subject: string,
    readonly issues: readonly SchemaIssue[],
  ) {
    const named = issues.slice(0, MOST_NAMED).map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
    const more = issues.length > MOST_NAMED ? [`and ${issues.length - MOST_NAMED} more`] : [];
    super(`${subject} does not fit its schema: ${[...named, ...more].join('; ')}`);
  }

  /** As what fails an activity, an update or a workflow: nobody tries again with the same value. */
  toFailure(nonRetryable = true): ApplicationFailure {
    return ApplicationFailure.create({ message: this.message, type: 'SchemaValidationError', nonRetryable, details: [this.issues] });
  }
}
brandedErrorClass(SchemaValidationError, 'SchemaValidationError');

/** What the schema makes of a value; without a schema the value itself. @throws SchemaValidationError */
export async function checked(schema: StandardSchema | undefined, value: unknown, subject: string): Promise<unknown> {
  return schema === undefined ? value : valueOf(await schema['~standard'].validate(value), subject);
}

/** Like {@link checked}, at once. @throws SchemaValidationError; IllegalStateError if the schema is asynchronous. */
export function checkedNow(schema: StandardSchema | undefined, value: unknown, subject: string): unknown {
  if (schema === undefined) return value;
  const result = schema['~standard'].validate(value);
  if (!('then' in result)) return valueOf(result, subject);
  result.then(undefined, () => undefined);
  throw new IllegalStateError(
    `${subject} has an asynchronous schema (${schema['~standard'].vendor}). In workflow code a schema must answer at once: ` +
      'take its asynchronous checks and transformations out, and do them in an activity.',
  );
}

function valueOf(result: StandardResult<unknown>, subject: string): unknown {
  if (result.issues === undefined) return result.value;
  throw new SchemaValidationError(subject, result.issues.map(({ message, path }) => ({ path: pathText(path ?? []), message })));
}

function pathText(path: NonNullable<StandardIssue['path']>): string {
  let text = '';
  for (const segment of path) {
    const key = typeof segment === 'object' ? segment.key : segment;
    if (typeof key === 'number') text += `[${key}]`;
    else text += text === '' ? String(key) : `.${String(key)}`;
  }
  return text;
}
