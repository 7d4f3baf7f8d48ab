/**
 * The functions that modules declare to run elsewhere, in the order of their declarations: the same in the worker and in its carriers,
 * because both import the same module.
 */
import { pathToFileURL } from 'node:url';
import type { Declaration } from './messages.js';

export type CarriedFunction = (...args: never[]) => unknown;

const declared = new Map<string, CarriedFunction[]>();

/** Set in carriers, before they import a module of the user. */
let runsInCarrier = false;

export function inCarrier(): boolean {
  return runsInCarrier;
}

export function enterCarrier(): void {
  runsInCarrier = true;
}

export function declare(module: string, fn: CarriedFunction): Declaration {
  const functions = declared.get(module) ?? [];
  declared.set(module, functions);
  functions.push(fn);
  return { module, index: functions.length - 1, name: fn.name };
}

/** @throws TypeError if the module does not declare the function here. */
export async function load({ module, index, name }: Declaration): Promise<CarriedFunction> {
  if (!declared.has(module)) await import(module);
  const fn = declared.get(module)?.[index];
  if (fn === undefined || fn.name !== name) {
    throw new TypeError(
      `${module} does not declare ${name || 'an activity'} in the same place when it is imported again. Declare activities of threads and ` +
        'processes at the top of a module, under no condition.',
    );
  }
  return fn;
}

/**
 * The module that calls `callee`.
 *
 * @throws TypeError if there is none, for example in code that was evaluated from a text.
 */
export function callingModule(callee: (...args: never[]) => unknown): string {
  const { prepareStackTrace, stackTraceLimit } = Error;
  const holder: { stack?: string | null } = {};
  try {
    Error.stackTraceLimit = 1;
    Error.prepareStackTrace = (_error, sites) => sites[0]?.getFileName();
    Error.captureStackTrace(holder, callee);
    const file = holder.stack;
    if (file?.startsWith('file:')) return file;
    if (file?.startsWith('/') || /^[A-Za-z]:\\/.test(file ?? '')) return pathToFileURL(file ?? '').href;
    throw new TypeError(`${callee.name}() cannot tell which module it was called in. Say so: ${callee.name}(fn, { module: import.meta.url }).`);
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
    Error.stackTraceLimit = stackTraceLimit;
  }
}
