/** Activities that run in a pool of threads or of processes. */
import { msToNumber, type Duration } from '../../common/index.js';
import { asyncLocalStorage } from '../context.js';
import { openProcess, openThread } from './carrier.js';
import { callingModule, declare, inCarrier, type CarriedFunction } from './declarations.js';
import { Pool, type CallSurroundings } from './pool.js';

export interface CarrierOptions {
  /** `import.meta.url` of the module that declares the function, where it cannot be found out. */
  readonly module?: string;
  /** How long a call that was cancelled may go on before its thread or process is killed. Default: 1 second. */
  readonly cancellationGrace?: Duration;
}

/** The function as an activity: it takes the same arguments and returns a promise. */
export type Offloaded<F extends CarriedFunction> = (...args: Parameters<F>) => Promise<Awaited<ReturnType<F>>>;

const THREADS = new Pool('thread', openThread);
const PROCESSES = new Pool('process', openProcess);

/**
 * An activity for work that keeps a processor busy, run in a thread of its own, so that the worker's thread stays free: hashing, parsing,
 * images, compression. There are as many threads as processors; calls beyond that wait.
 *
 * Declare it at the top of a module: a thread imports that module again. Arguments and results are copied. `Context.current()`, heartbeats,
 * logs and cancellation work inside; a function that computes without a pause cannot hear of its cancellation, so its thread is ended.
 * There is no `Context.current().client` inside.
 *
 * @throws TypeError if it cannot tell which module it is called in.
 * @example
 * export const thumbnail = threads(function thumbnail(image: Uint8Array, width: number): Uint8Array {
 *   return resize(image, width);
 * });
 */
export function threads<F extends CarriedFunction>(fn: F, options: CarrierOptions = {}): Offloaded<F> {
  return offloaded(THREADS, fn, options.module ?? callingModule(threads), options);
}

/**
 * Like {@link threads}, in a process of its own: for code that may crash, leak or exit. A process that dies is a failed attempt of the
 * activity and nothing more. A process takes about 54 MB and 0.2 s to start; it is used again.
 *
 * @example export const convert = processes(function convert(file: string): string { return nativeConverter(file); });
 */
export function processes<F extends CarriedFunction>(fn: F, options: CarrierOptions = {}): Offloaded<F> {
  return offloaded(PROCESSES, fn, options.module ?? callingModule(processes), options);
}

function offloaded<F extends CarriedFunction>(pool: Pool, fn: F, module: string, { cancellationGrace = '1 second' }: CarrierOptions): Offloaded<F> {
  const declaration = declare(module, fn);
  // In a carrier nothing is sent on: the function is where it shall run.
  if (inCarrier()) return (...args) => Promise.resolve().then(() => fn(...args)) as Promise<Awaited<ReturnType<F>>>;
  const graceMs = msToNumber(cancellationGrace);
  return (...args) => pool.run({ declaration, args, graceMs, surroundings: surroundings() }) as Promise<Awaited<ReturnType<F>>>;
}

function surroundings(): CallSurroundings | undefined {
  const context = asyncLocalStorage.getStore();
  return (
    context && {
      info: context.info,
      signal: context.cancellationSignal,
      cancellationDetails: () => context.cancellationDetails,
      heartbeat: context.heartbeat,
      log: context.log,
    }
  );
}
