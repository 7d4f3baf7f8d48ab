/** One thread or one process that runs calls for the worker. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { FromCarrier, ToCarrier } from './messages.js';

export interface Carrier {
  /** @throws DataCloneError if something in the message cannot be copied. */
  send(message: ToCarrier): void;
  /** Ends it at once, whatever it does. */
  kill(): void;
  /** Whether it keeps the program from ending. */
  hold(held: boolean): void;
}

export interface CarrierListener {
  message(message: FromCarrier): void;
  /** It is gone, for whatever reason. Called once, last. */
  ended(reason: string): void;
}

export type OpenCarrier = (listener: CarrierListener) => Carrier;

const MAIN = new URL('./carrier-main.js', import.meta.url);

export function openThread(listener: CarrierListener): Carrier {
  const thread = new Worker(MAIN);
  let reason: string | undefined;
  thread.on('message', (message: FromCarrier) => listener.message(message));
  thread.on('messageerror', (error) => (reason = error.message));
  thread.on('error', (error) => (reason = error instanceof Error ? error.message : String(error)));
  thread.on('exit', (code) => listener.ended(reason ?? `exit code ${code}`));
  return {
    send: (message) => thread.postMessage(message),
    kill: () => void thread.terminate(),
    hold: (held) => (held ? thread.ref() : thread.unref()),
  };
}

export function openProcess(listener: CarrierListener): Carrier {
  const child = fork(fileURLToPath(MAIN), { serialization: 'advanced' });
  let over = false;
  const ended = (reason: string) => {
    if (over) return;
    over = true;
    listener.ended(reason);
  };
  child.on('message', (message: FromCarrier) => listener.message(message));
  child.on('error', (error) => ended(error.message)); // it could not be started, or not be reached
  child.on('exit', (code, signal) => ended(signal === null ? `exit code ${code}` : `signal ${signal}`));
  return {
    // A child that just died is told of by its exit.
    send: (message) => void child.send(message, () => {}),
    kill: () => void child.kill('SIGKILL'),
    hold: (held) => {
      if (held) child.ref();
      else child.unref();
      // Bun's channel can do neither: there an idle process keeps the worker's alive until the pool closes.
      if (held) child.channel?.ref?.();
      else child.channel?.unref?.();
    },
  };
}
