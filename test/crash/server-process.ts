/** A real server process on a file, that can be killed and started again on the same port. */
import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const bin = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../../packages/perdure/bin/perdure.js');

export class ServerProcess {
  #child: ChildProcess | undefined;
  #port = 0;

  constructor(
    readonly filename: string,
    readonly flags: readonly string[] = [],
  ) {}

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves when the port accepts. The first start picks a free port, later ones keep it. */
  async start(): Promise<void> {
    const args = [bin, 'server', 'start-dev', '--db-filename', this.filename, '--ip', '127.0.0.1', '--port', String(this.#port), '--headless', '--log-level', 'error', ...this.flags];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    let output = '';
    child.stderr.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4000)));
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        const port = /127\.0\.0\.1:(\d+)/.exec(line)?.[1];
        if (port === undefined) return;
        this.#port = Number(port);
        resolve();
      });
      child.once('exit', (code, signal) => reject(new Error(`the server ended (${code ?? signal}) before it was ready: ${output}`)));
    });
  }

  /** SIGKILL: no chance to clean up. Resolves when the process is gone. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
    this.#child = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end('SIGKILL');
  }
}
