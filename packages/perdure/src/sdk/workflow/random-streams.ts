/**
 * Streams of random numbers beside that of the run, each with a name. For interceptors and libraries: what they draw must not change what
 * the workflow draws, or histories that began without them would no longer replay.
 */
import { currentRun } from './current-run.js';
import { realmHost, type AsyncStorage } from './realm-host.js';
import type { SeededRandom } from './random.js';

export interface WorkflowRandomStream {
  /** From 0 to 1 (not included). */
  random(): number;
  uuid4(): string;
  /** Fills all bytes. @returns the same array. */
  fill(bytes: Uint8Array): Uint8Array;
  /** Runs `fn` with `Math.random()`, `uuid4()` and `crypto` drawing from this stream, also after its awaits. */
  with<T>(fn: () => T): T;
}

let storage: AsyncStorage<string> | undefined;

/** The stream that the calling code chose by {@link WorkflowRandomStream.with}; undefined: that of the run. */
export function chosenStream(): string | undefined {
  return storage?.getStore();
}

class Stream implements WorkflowRandomStream {
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  random(): number {
    return this.#numbers().float();
  }

  uuid4(): string {
    return this.#numbers().uuid4();
  }

  fill(bytes: Uint8Array): Uint8Array {
    this.#numbers().fillBytes(bytes);
    return bytes;
  }

  with<T>(fn: () => T): T {
    currentRun('WorkflowRandomStream.with');
    storage ??= realmHost()?.createAsyncStorage();
    return storage === undefined ? fn() : storage.run(this.#name, fn);
  }

  /** Looked up each time: after a reset the run draws from another seed. */
  #numbers(): SeededRandom {
    return currentRun('WorkflowRandomStream').stream(this.#name);
  }
}

/** The stream of the run itself, whatever stream the calling code has chosen. */
export const workflowRandom: WorkflowRandomStream = new Stream('');

/**
 * The stream of a name. The same name gives the same numbers in every replay; to draw them changes no other stream.
 *
 * @throws TypeError for an empty name.
 * @example const jitter = getRandomStream('acme-interceptor').random();
 */
export function getRandomStream(name: string): WorkflowRandomStream {
  if (typeof name !== 'string' || name === '') throw new TypeError('A random stream needs a name, best that of your package.');
  return new Stream(name);
}
