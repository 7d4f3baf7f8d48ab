/**
 * The programs in `programs/`: ordinary projects, written for Temporal's TypeScript SDK. Each has a worker and a client with assertions,
 * which run as processes of their own and find the server by TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE.
 *
 * Every run has a namespace of its own, so the same ids serve again, on our server and on any other.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { IndexedValueType, OperatorService, WorkflowService } from '#perdure/protocol/index';
import { connectGrpc } from '#perdure/transport/grpc-client';
import { root } from '../../bench/processes.js';

const source = path.join(root, 'test/migrate/programs');
export const PROGRAMS: readonly string[] = fs.readdirSync(source).sort();

/** The attributes that programs use; a server of Temporal's wants them made beforehand. */
const SEARCH_ATTRIBUTES: ReadonlyMap<string, IndexedValueType> = new Map([
  ['ReportRegion', IndexedValueType.KEYWORD],
  ['ReportPages', IndexedValueType.INT],
  ['ReportTags', IndexedValueType.KEYWORD_LIST],
  ['ReportDue', IndexedValueType.DATETIME],
]);

/** Puts fresh copies of all programs into a folder. */
export function copyPrograms(target: string): void {
  fs.rmSync(target, { recursive: true, force: true });
  fs.cpSync(source, target, { recursive: true });
}

/** Checks the types of a program and compiles it, by its own settings. */
export function compile(project: string): void {
  const { status, stdout } = spawnSync(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', project], { encoding: 'utf8' });
  assert.equal(status, 0, stdout);
}

export interface Halves {
  /** Folders of the compiled program; the two may be made for different SDKs. */
  readonly worker: string;
  readonly client: string;
}

/**
 * Runs the worker and, beside it, the client and the program's tests.
 *
 * @returns the namespace in which all of it ran @throws AssertionError with what they printed
 */
export async function runProgram(t: TestContext, { worker, client }: Halves, address: string): Promise<string> {
  const namespace = `program-${randomUUID()}`;
  await makeNamespace(address, namespace);
  const env: NodeJS.ProcessEnv = { ...process.env, TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace };
  delete env['NODE_TEST_CONTEXT'];
  const working = new Program(['lib/worker.js'], worker, env);
  t.after(() => working.kill());
  const asking = new Program(['lib/client.js'], client, env);
  t.after(() => asking.kill());
  // A worker that ends by itself has failed; its client would wait for ever.
  await Promise.race([asking.succeeded(), working.succeeded().then(() => assert.fail('the worker ended before its client'))]);
  working.kill('SIGTERM');
  await working.succeeded();
  const tests = fs.readdirSync(path.join(client, 'lib')).filter((file) => file.endsWith('.test.js'));
  if (tests.length > 0) await new Program(['--test', ...tests.map((file) => path.join('lib', file))], client, env).succeeded();
  return namespace;
}

/** The program's own tests, without any server. */
export async function runTests(project: string): Promise<void> {
  const { TEMPORAL_ADDRESS: _, NODE_TEST_CONTEXT: __, ...env } = process.env;
  const tests = fs.readdirSync(path.join(project, 'lib')).filter((file) => file.endsWith('.test.js'));
  await new Program(['--test', ...tests.map((file) => path.join('lib', file))], project, env).succeeded();
}

async function makeNamespace(address: string, namespace: string): Promise<void> {
  const transport = await connectGrpc({ address });
  try {
    await transport.call(WorkflowService.RegisterNamespace, { namespace, workflowExecutionRetentionPeriod: 24 * 3_600_000 });
    await transport.call(OperatorService.AddSearchAttributes, { namespace, searchAttributes: SEARCH_ATTRIBUTES });
  } finally {
    await transport.close();
  }
}

const MOST_OUTPUT = 20_000;
/** A program that hangs is ended, so that one sees how far it came. */
const LIMIT_MS = 60_000;

/** A process of a program, and what it says. */
class Program {
  readonly #name: string;
  readonly #child;
  readonly #ended: Promise<string>;
  #output = '';

  constructor(args: readonly string[], folder: string, env: NodeJS.ProcessEnv) {
    this.#name = `${path.basename(folder)}: ${args.join(' ')}`;
    this.#child = spawn(process.execPath, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const hear = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString()).slice(-MOST_OUTPUT);
    };
    this.#child.stdout.on('data', hear);
    this.#child.stderr.on('data', hear);
    const limit = setTimeout(() => this.kill(), LIMIT_MS);
    this.#ended = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => {
        clearTimeout(limit);
        resolve(String(code ?? signal));
      });
    });
  }

  /** Resolves when the process has ended well. @throws AssertionError with its output */
  async succeeded(): Promise<void> {
    assert.equal(await this.#ended, '0', `${this.#name}\n${this.#output}`);
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill(signal);
  }
}
