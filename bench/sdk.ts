/** Loads the SDK under test: ours, or the official one from test/official, where `npm run test:official` installs it. */
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as Activity from 'perdure/activity';
import type * as Client from 'perdure/client';
import type * as Worker from 'perdure/worker';
import { root } from './processes.js';

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

export function officialIsInstalled(): boolean {
  return fs.existsSync(path.join(officialFolder, 'node_modules/@temporalio/worker'));
}

/** A compiled workflow file for an SDK: the same text, the imports renamed. @param file below `build/` */
export function workflowsFor(sdk: SdkName, file = 'bench/workflows.js'): string {
  const ours = path.join(root, 'build', file);
  if (sdk === 'ours') return ours;
  const target = path.join(officialFolder, 'node_modules/.workflows', file);
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.writeFileSync(path.join(officialFolder, 'node_modules/.workflows/package.json'), '{"type":"module"}');
  fs.writeFileSync(target, fs.readFileSync(ours, 'utf8').replaceAll("'perdure/", "'@temporalio/"));
  return target;
}
