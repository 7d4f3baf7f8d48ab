/**
 * Makes the global objects of a realm deterministic. Called once per realm, before any user code.
 *
 * Three kinds: what has a deterministic meaning gets it (Date, Math.random, timers, console, crypto's random parts); what everybody
 * expects but has none throws with the remedy, and fails the workflow task even if the code catches the error (fetch, setInterval, …);
 * what libraries look for to find out where they are stays undefined (process, Buffer, window, performance), and a ReferenceError about
 * one of these gets the remedy added when it is reported (see `remedies.ts`).
 */
import { currentRun } from '../current-run.js';
import { DeterminismViolationError } from '../errors.js';
import { installMachine } from '../info.js';
import type { RealmHost } from '../realm-host.js';
import { clearDurableTimeout, setDurableTimeout } from '../timers.js';
import { AbortController, AbortSignal, Event, EventTarget } from './abort.js';
import { console } from './console.js';
import { deterministicDate } from './date.js';
import { FORBIDDEN_CALLS } from './remedies.js';
import { structuredClone } from './structured-clone.js';
import { textCoders } from './text.js';
import { urlClasses } from './url.js';

export function installGlobals(host: RealmHost): void {
  const realm = globalThis as unknown as Record<string, unknown>;
  const realNow = Date.now;
  const realRandom = Math.random;
  installMachine(() => realNow(), () => realRandom());
  const promises = Promise;
  const globals: Record<string, unknown> = {
    Date: deterministicDate(Date, () => currentRun('Date').timeMs),
    setTimeout: setDurableTimeout,
    clearTimeout: clearDurableTimeout,
    clearInterval: clearDurableTimeout,
    queueMicrotask: (callback: () => void) => void promises.resolve().then(callback).catch((error) => currentRun('queueMicrotask').handleFailure(error)),
    console,
    structuredClone,
    AbortController,
    AbortSignal,
    Event,
    EventTarget,
    ...textCoders(host),
    ...urlClasses(host),
    crypto: Object.freeze({
      randomUUID: () => currentRun('crypto.randomUUID').random.uuid4(),
      getRandomValues: <T extends ArrayBufferView>(array: T): T => {
        currentRun('crypto.getRandomValues').random.fillBytes(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
        return array;
      },
    }),
  };
  for (const [name, remedy] of Object.entries(FORBIDDEN_CALLS)) globals[name] = forbidden(name, remedy);
  for (const name of ['WebAssembly', 'SharedArrayBuffer', 'Atomics']) delete realm[name];
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(realm, name, { value, writable: false, enumerable: false, configurable: false });
  }
  // Older engines lack them, and `using` needs them.
  for (const name of ['dispose', 'asyncDispose']) if (!(name in Symbol)) Object.defineProperty(Symbol, name, { value: Symbol.for(`Symbol.${name}`) });
  Math.random = () => currentRun('Math.random').random.float();
  for (const shared of [Math, Reflect, JSON, Date, Date.prototype, console]) Object.freeze(shared);
}

/** Can be called and constructed, because `new WeakRef(x)` must say the same as `fetch(x)`. */
function forbidden(name: string, remedy: string): unknown {
  return function forbiddenCall(): never {
    const error = new DeterminismViolationError(`${name} cannot be used in workflow code, because a replay could not repeat it. ${remedy}`);
    Error.captureStackTrace(error, forbiddenCall);
    // Whatever the code does with the error: going on would be worse.
    currentRun(name).handleFailure(error);
    throw error;
  };
}
