/** What to use instead of a global that workflow code cannot have. */

const ACTIVITY = 'Do it in an activity and call that through proxyActivities.';

/** Functions that exist and throw. */
export const FORBIDDEN_CALLS: Readonly<Record<string, string>> = {
  fetch: ACTIVITY,
  XMLHttpRequest: ACTIVITY,
  WebSocket: ACTIVITY,
  setInterval: "Use a loop with `await sleep('1 minute')` from perdure/workflow.",
  setImmediate: 'Use `await sleep(1)` from perdure/workflow, or queueMicrotask.',
  WeakRef: 'Garbage collection happens at other moments in a replay. Keep an ordinary reference.',
  FinalizationRegistry: 'Garbage collection happens at other moments in a replay. Clean up with try/finally.',
};

/** Names that do not exist: libraries test for them to find out where they run. */
const ABSENT: Readonly<Record<string, string>> = {
  process: 'Pass what you need as an argument of the workflow, or read it in an activity.',
  Buffer: 'Use Uint8Array with TextEncoder and TextDecoder, or do the conversion in an activity.',
  performance: 'Use Date.now(): in workflow code it is the workflow time.',
  require: 'Use an import statement; it is bundled. For modules of Node: do it in an activity.',
  module: 'Use export statements.',
  __dirname: ACTIVITY,
  __filename: ACTIVITY,
  setInterval: FORBIDDEN_CALLS['setInterval']!,
  window: 'Workflow code does not run in a browser.',
  document: 'Workflow code does not run in a browser.',
  WebAssembly: ACTIVITY,
  SharedArrayBuffer: 'Use ArrayBuffer.',
  Atomics: 'A workflow has one thread: ordinary variables will do.',
};

/** The remedy for an error of the language about something that workflow code does not have. */
export function remedyForMessage(message: string): string | undefined {
  if (message.startsWith('Code generation from strings')) return `Workflow code cannot make code from text (eval, new Function). ${ACTIVITY}`;
  const match = /^(\w+) is not defined$/.exec(message);
  const name = match?.[1];
  if (name === undefined || !Object.hasOwn(ABSENT, name)) return undefined;
  return `'${name}' does not exist in workflow code. ${ABSENT[name]}`;
}
