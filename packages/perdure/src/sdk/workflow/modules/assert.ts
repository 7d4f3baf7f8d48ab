/**
 * `node:assert` for workflow code, as far as it is pure. Bundled in place of Node's module.
 *
 * A failed assertion is an ordinary error: the code is wrong, so it fails the workflow task, and the workflow goes on after a fixed deploy. To
 * fail the workflow throw an `ApplicationFailure`.
 */
type Expected = RegExp | ((error: unknown) => unknown) | (abstract new (...args: never[]) => Error);

export class AssertionError extends Error {
  override readonly name = 'AssertionError';
  readonly code = 'ERR_ASSERTION';

  constructor({ message = 'Failed', actual, expected, operator }: { message?: string | undefined; actual?: unknown; expected?: unknown; operator?: string }) {
    super(message);
    this.actual = actual;
    this.expected = expected;
    this.operator = operator;
  }

  readonly actual: unknown;
  readonly expected: unknown;
  readonly operator: string | undefined;
}

function check(holds: boolean, given: unknown, message: string, actual?: unknown, expected?: unknown, operator = '=='): void {
  if (holds) return;
  if (given instanceof Error) throw given;
  throw new AssertionError({ message: given === undefined ? message : String(given), actual, expected, operator });
}

export function ok(value: unknown, message?: string | Error): asserts value {
  check(Boolean(value), message, 'The expression evaluated to a falsy value', value, true);
}

export function fail(message?: string | Error): never {
  check(false, message, 'Failed');
  throw new AssertionError({});
}

export function strictEqual(actual: unknown, expected: unknown, message?: string | Error): void {
  check(Object.is(actual, expected), message, `Expected values to be strictly equal: ${shown(actual)} !== ${shown(expected)}`, actual, expected, 'strictEqual');
}

export function notStrictEqual(actual: unknown, expected: unknown, message?: string | Error): void {
  check(!Object.is(actual, expected), message, `Expected values not to be strictly equal: ${shown(actual)}`, actual, expected, 'notStrictEqual');
}

export function equal(actual: unknown, expected: unknown, message?: string | Error): void {
  // As in Node: the old, lenient comparison.
  // eslint-disable-next-line eqeqeq
  check(actual == expected || Object.is(actual, expected), message, `${shown(actual)} == ${shown(expected)}`, actual, expected);
}

export function notEqual(actual: unknown, expected: unknown, message?: string | Error): void {
  // eslint-disable-next-line eqeqeq
  check(!(actual == expected || Object.is(actual, expected)), message, `${shown(actual)} != ${shown(expected)}`, actual, expected, '!=');
}

export function deepStrictEqual(actual: unknown, expected: unknown, message?: string | Error): void {
  check(sameStructure(actual, expected), message, `Expected values to be deep-equal: ${shown(actual)} and ${shown(expected)}`, actual, expected, 'deepStrictEqual');
}

export function notDeepStrictEqual(actual: unknown, expected: unknown, message?: string | Error): void {
  check(!sameStructure(actual, expected), message, `Expected values not to be deep-equal: ${shown(actual)}`, actual, expected, 'notDeepStrictEqual');
}

export function match(text: string, pattern: RegExp, message?: string | Error): void {
  check(pattern.test(text), message, `The text does not match ${String(pattern)}: ${shown(text)}`, text, pattern, 'match');
}

export function doesNotMatch(text: string, pattern: RegExp, message?: string | Error): void {
  check(!pattern.test(text), message, `The text matches ${String(pattern)}: ${shown(text)}`, text, pattern, 'doesNotMatch');
}

export function throws(action: () => unknown, expected?: Expected, message?: string | Error): void {
  try {
    action();
  } catch (error) {
    checkThrown(error, expected, message);
    return;
  }
  check(false, message, 'Missing expected exception', undefined, expected, 'throws');
}

export async function rejects(action: PromiseLike<unknown> | (() => PromiseLike<unknown>), expected?: Expected, message?: string | Error): Promise<void> {
  try {
    await (typeof action === 'function' ? action() : action);
  } catch (error) {
    checkThrown(error, expected, message);
    return;
  }
  check(false, message, 'Missing expected rejection', undefined, expected, 'rejects');
}

function checkThrown(error: unknown, expected: Expected | undefined, message: string | Error | undefined): void {
  if (expected === undefined) return;
  if (expected instanceof RegExp) return check(expected.test(String(error)), message, `The error does not match ${String(expected)}: ${String(error)}`, error, expected);
  const isClass = (expected as { prototype?: unknown }).prototype instanceof Error || expected === (Error as unknown);
  if (isClass) {
    if (!(error instanceof (expected as never))) throw error;
    return;
  }
  check((expected as (error: unknown) => unknown)(error) === true, message, 'The function that checks the error did not return true', error, expected);
}

function sameStructure(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Date) return a.getTime() === (b as Date).getTime();
  if (a instanceof Map || a instanceof Set) return sameStructure([...a], [...(b as typeof a)]);
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => Object.hasOwn(b, name) && sameStructure(Reflect.get(a, name), Reflect.get(b, name)));
}

function shown(value: unknown): string {
  try {
    return typeof value === 'string' || (typeof value === 'object' && value !== null) ? JSON.stringify(value) : String(value);
  } catch {
    return String(value);
  }
}

export const deepEqual = deepStrictEqual;
export const notDeepEqual = notDeepStrictEqual;

const functions = {
  AssertionError, ok, fail, strictEqual, notStrictEqual, equal, notEqual, deepEqual, notDeepEqual, deepStrictEqual, notDeepStrictEqual, match, doesNotMatch, throws, rejects,
};

type Assert = typeof functions & { (value: unknown, message?: string | Error): asserts value; readonly strict: Assert };

/** The comparisons of `node:assert/strict`. */
export const strict: Assert = Object.assign((value: unknown, message?: string | Error): void => ok(value, message), functions, {
  equal: strictEqual,
  notEqual: notStrictEqual,
}) as unknown as Assert;
Object.defineProperty(strict, 'strict', { value: strict });

const assert: Assert = Object.assign((value: unknown, message?: string | Error): void => ok(value, message), functions, { strict }) as Assert;
export default assert;
