/** Loads the SDK under test: ours, or the official one from test/official, where `npm run test:official` installs it. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as Activity from 'perdure/activity';
import type * as NexusRpc from 'nexus-rpc';
import type * as Client from 'perdure/client';
import type * as Nexus from 'perdure/nexus';
import type * as Worker from 'perdure/worker';
import { root } from './processes.js';
import type { WorkflowClient } from './scenarios.js';

export type SdkName = 'ours' | 'official';
export const officialFolder = path.join(root, 'test/official');

async function load<T>(sdk: SdkName, part: string): Promise<T> {
  if (sdk === 'ours') return (await import(`perdure/${part}`)) as T;
  const resolved = createRequire(path.join(officialFolder, 'package.json')).resolve(`@temporalio/${part}`);
  const module = (await import(pathToFileURL(resolved).href)) as { default: T };
  return module.default;
}

export const loadClient = (sdk: SdkName) => load<typeof Client>(sdk, 'client');
export const loadWorker = (sdk: SdkName) => load<typeof Worker>(sdk, 'worker');

export const loadActivity = (sdk: SdkName) => load<typeof Activity>(sdk, 'activity');

/** What handlers of Nexus operations are made with: the SDK's part, and the package that all SDKs share, as that SDK finds it. */
export interface NexusSdk {
  readonly nexus: typeof Nexus;
  readonly rpc: typeof NexusRpc;
}

export async function loadNexus(sdk: SdkName): Promise<NexusSdk> {
  const nexus = await load<typeof Nexus>(sdk, 'nexus');
  if (sdk === 'ours') return { nexus, rpc: await import('nexus-rpc') };
  const resolved = createRequire(path.join(officialFolder, 'package.json')).resolve('nexus-rpc');
  return { nexus, rpc: (await import(pathToFileURL(resolved).href)) as typeof NexusRpc };
}

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

/** A compiled workflow file for an SDK: the same text, the imports renamed, with the files that it imports. @param file below `build/` */
export function workflowsFor(sdk: SdkName, file = 'bench/workflows.js'): string {
  if (sdk === 'ours') return path.join(root, 'build', file);
  const texts = renamedTexts(file);
  // Named by its content: other processes may be bundling it, or another version of it.
  const name = createHash('sha256').update([...texts.values()].join('\0')).digest('hex').slice(0, 16);
  const folder = path.join(officialFolder, 'node_modules/.workflows');
  // The file itself comes last: when it is there, all are.
  for (const [part, text] of [...texts].reverse()) writeOnce(path.join(folder, name, part), text);
  fs.writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}');
  return path.join(folder, name, file);
}

/** A file and what it imports by relative names, each below `build/`; itself first. */
function renamedTexts(file: string, texts = new Map<string, string>()): ReadonlyMap<string, string> {
  const text = fs.readFileSync(path.join(root, 'build', file), 'utf8');
  texts.set(file, text.replaceAll("'perdure/", "'@temporalio/"));
  for (const [, name] of text.matchAll(/ from '(\.[^']+)'/g)) {
    const imported = path.join(path.dirname(file), name as string);
    if (!texts.has(imported)) renamedTexts(imported, texts);
  }
  return texts;
}

function writeOnce(target: string, text: string): void {
  if (fs.existsSync(target)) return;
  fs.mkdirSync(path.dirname(target), { recursive: true });
  const written = `${target}.${process.pid}`;
  fs.writeFileSync(written, text);
  fs.renameSync(written, target);
}
