/**
 * Workflow bundles of this process, made once: hundreds of environments use the same few files. A bundle is made anew when one of the
 * files that it was made of has changed, so that a watching test runner sees the code of today.
 */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { bundleWorkflowCode, configuredBundle, type WorkflowBundle } from '../sdk/sandbox/bundle.js';
import { bundleOptionsOf } from '../sdk/worker/create.js';
import type { WorkerOptions } from '../sdk/worker/worker-options.js';

interface Entry {
  readonly bundle: Promise<WorkflowBundle>;
  readonly madeAtMs: number;
}

const MOST_ENTRIES = 100;
const entries = new Map<string, Entry>();

/** @throws what `bundleWorkflowCode` throws */
export async function cachedBundle(options: WorkerOptions): Promise<WorkflowBundle> {
  const wanted = configuredBundle(bundleOptionsOf(options));
  const key = JSON.stringify(wanted);
  const known = entries.get(key);
  if (known !== undefined && isFresh(await known.bundle.catch(() => undefined), known.madeAtMs)) return known.bundle;
  const entry = { madeAtMs: Date.now(), bundle: bundleWorkflowCode(wanted) };
  // Whoever else asks for it meanwhile shares it, unless it turns out to be broken.
  if (entries.size >= MOST_ENTRIES) entries.clear();
  entries.set(key, entry);
  return entry.bundle;
}

function isFresh(bundle: WorkflowBundle | undefined, madeAtMs: number): boolean {
  if (bundle === undefined) return false;
  const { sources } = JSON.parse(bundle.sourceMap) as { readonly sources: readonly string[] };
  return sources.every((source) => (statSync(resolve(source), { throwIfNoEntry: false })?.mtimeMs ?? 0) < madeAtMs);
}
