/** Starts, kills and restarts the shop's process. */
import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export class Shop {
  #child: ChildProcess | undefined;
  #port = 0;

  constructor(readonly folder: string) {}

  get database(): string {
    return path.join(this.folder, 'orders.db');
  }

  get ledger(): string {
    return path.join(this.folder, 'ledger.jsonl');
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get processId(): number {
    return this.#child?.pid ?? 0;
  }

  /** Resolves when it serves. A restart keeps the port. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [fileURLToPath(new URL('./service.js', import.meta.url)), this.folder, String(this.#port)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child = child;
    this.#port = await new Promise<number>((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        const port = /^ready (\d+)$/.exec(line)?.[1];
        if (port !== undefined) resolve(Number(port));
      });
      child.once('exit', (code) => reject(new Error(`the shop ended with code ${code}`)));
    });
  }

  /** `kill -9`. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child as ChildProcess;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    await gone;
  }
}
