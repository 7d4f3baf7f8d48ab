/** Worker processes that can be killed; each is replaced at once. */
import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const script = path.join(path.dirname(fileURLToPath(import.meta.url)), 'load-worker.js');

export class LoadWorkers {
  readonly #processes: ChildProcess[];
  #ending = false;

  constructor(
    readonly address: string,
    readonly ledger: string,
    count: number,
  ) {
    this.#processes = Array.from({ length: count }, () => this.#spawn());
  }

  #spawn(): ChildProcess {
    const child = spawn(process.execPath, [script, this.address, this.ledger], { stdio: ['ignore', 'ignore', 'inherit'] });
    child.once('exit', () => {
      const index = this.#processes.indexOf(child);
      if (!this.#ending && index >= 0) this.#processes[index] = this.#spawn();
    });
    return child;
  }

  kill(index: number): void {
    this.#processes[index]?.kill('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending = true;
    await Promise.all(
      this.#processes.map((child) => {
        if (child.exitCode !== null || child.signalCode !== null) return undefined;
        const gone = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGKILL');
        return gone;
      }),
    );
  }
}
