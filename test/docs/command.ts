/** The `perdure` command of this checkout as a process, for the commands that pages show. */
import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { root } from '../../bench/processes.js';
import { eventually, withTimeout } from './waiting.js';

const bin = path.join(root, 'packages/perdure/bin/perdure.js');

export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

export class Command {
  readonly #child: ChildProcess;
  readonly #ended: Promise<Ended>;
  #output = '';

  private constructor(t: TestContext, program: string, words: readonly string[], cwd: string, env: NodeJS.ProcessEnv) {
    const { NODE_TEST_CONTEXT: _, ...rest } = process.env;
    this.#child = spawn(program, words, { cwd, env: { ...rest, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
    this.#ended = new Promise((resolve) => this.#child.once('close', (code) => resolve({ code, output: this.#output })));
    t.after(() => this.#child.kill('SIGKILL'));
  }

  /** `words` as a page writes them: `npx perdure …`, `npm exec perdure -- …` or `perdure …`. */
  static perdure(t: TestContext, words: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): Command {
    return new Command(t, process.execPath, [bin, ...words.slice(words.indexOf('perdure') + 1).filter((word) => word !== '--')], cwd, env);
  }

  static node(t: TestContext, file: string, cwd: string, env: NodeJS.ProcessEnv = {}): Command {
    return new Command(t, process.execPath, [file], cwd, env);
  }

  static program(t: TestContext, program: string, words: readonly string[], cwd: string): Command {
    return new Command(t, program, words, cwd, {});
  }

  /** The first match in what it has written, as soon as it is there. */
  said(pattern: RegExp): Promise<RegExpExecArray> {
    return eventually(`${String(pattern)} of a command`, () => {
      if (this.#child.exitCode !== null && !pattern.test(this.#output)) throw new Error(`the command ended with ${this.#child.exitCode}: ${this.#output}`);
      return pattern.exec(this.#output) ?? undefined;
    });
  }

  kill(signal: NodeJS.Signals): Promise<Ended> {
    this.#child.kill(signal);
    return this.ended();
  }

  ended(): Promise<Ended> {
    return withTimeout('the end of a command', () => this.#ended);
  }
}
