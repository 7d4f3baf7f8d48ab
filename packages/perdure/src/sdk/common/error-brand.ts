/**
 * Error classes that are recognised wherever they come from.
 *
 * The same class exists several times in one process: in the worker, in the workflow realm, in a second copy of the package. `instanceof`
 * compares prototypes and would say no. A brand under a symbol of the global registry, which all realms share, says yes.
 */
type ErrorClass = abstract new (...args: never[]) => Error;

/** Gives `errorClass` and its errors their `name` and makes `instanceof errorClass` true for the class of that name in any realm, and for its subclasses. */
export function brandedErrorClass(errorClass: ErrorClass, name: string): void {
  const brand = Symbol.for(`perdure.error.${name}`);
  Object.defineProperty(errorClass.prototype, 'name', { value: name, writable: true, configurable: true, enumerable: false });
  Object.defineProperty(errorClass.prototype, brand, { value: true });
  // A bundler may have renamed the class.
  Object.defineProperty(errorClass, 'name', { value: name, configurable: true });
  Object.defineProperty(errorClass, Symbol.hasInstance, {
    configurable: true,
    value(this: unknown, candidate: unknown): boolean {
      // A subclass written by a user inherits this method and must keep the ordinary meaning.
      if (this !== errorClass) return Function.prototype[Symbol.hasInstance].call(this, candidate);
      return isObject(candidate) && (candidate as { [key: symbol]: unknown })[brand] === true;
    },
  });
}

/** True for errors of any realm. */
export function isError(candidate: unknown): candidate is Error {
  return candidate instanceof Error || (isObject(candidate) && Object.prototype.toString.call(candidate) === '[object Error]');
}

function isObject(candidate: unknown): candidate is object {
  return typeof candidate === 'object' && candidate !== null;
}
