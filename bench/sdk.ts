/** Loads the SDK under test: ours, or the official one from test/official, where `npm run test:official` installs it. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as Activity from 'perdure/activity';
import type * as Client from 'perdure/client';
import type * as Worker from 'perdure/worker';
import { root } from './processes.js';
import type { WorkflowClient } from './scenarios.js';

export type SdkName = 'ours' | 'official';
const officialFolder = path.join(root, 'test/official');

async function load<T>(sdk: SdkName, part: string): Promise<T> {
  if (sdk === 'ours') return (await import(`perdure/${part}`)) as T;
  const resolved = createRequire(path.join(officialFolder, 'package.json')).resolve(`@temporalio/${part}`);
  const module = (await import(pathToFileURL(resolved).href)) as { default: T };
  return module.default;
}

export const loadClient = (sdk: SdkName) => load<typeof Client>(sdk, 'client');
export const loadWorker = (sdk: SdkName) => load<typeof Worker>(sdk, 'worker');

export const loadActivity = (sdk: SdkName) => load<typeof Activity>(sdk, 'activity');

/** What scenarios need of a client; the same for both SDKs. */
export function asBenchClient(client: Client.Client): WorkflowClient {
  return {
    start: (type, options) => client.workflow.start(type, options as Client.WorkflowStartOptions),
    getHandle: (workflowId) => client.workflow.getHandle(workflowId),
    workflowService: client.workflowService,
  };
}

export function officialIsInstalled(): boolean {
  return fs.existsSync(path.join(officialFolder, 'node_modules/@temporalio/worker'));
}

/** A compiled workflow file for an SDK: the same text, the imports renamed. @param file below `build/` */
export function workflowsFor(sdk: SdkName, file = 'bench/workflows.js'): string {
  const ours = path.join(root, 'build', file);
  if (sdk === 'ours') return ours;
  const text = fs.readFileSync(ours, 'utf8').replaceAll("'perdure/", "'@temporalio/");
  // Named by its content: other processes may be bundling it, or another version of it.
  const folder = path.join(officialFolder, 'node_modules/.workflows');
  const target = path.join(folder, createHash('sha256').update(text).digest('hex').slice(0, 16), file);
  if (fs.existsSync(target)) return target;
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}');
  const written = `${target}.${process.pid}`;
  fs.writeFileSync(written, text);
  fs.renameSync(written, target);
  return target;
}
