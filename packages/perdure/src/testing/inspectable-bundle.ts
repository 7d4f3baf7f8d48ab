/** Workflow code for a debugger: with its source map inside, which names the user's files by where they are. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { WorkflowBundle } from '../sdk/sandbox/bundle.js';

interface SourceMap {
  readonly sources: readonly string[];
}

/** The same bundle; debuggers show the user's files instead of it, and take breakpoints there. */
export function inspectable(bundle: WorkflowBundle): WorkflowBundle {
  const map = JSON.parse(bundle.sourceMap) as SourceMap;
  const files = map.sources.map((source) => path.resolve(source));
  const shown = { ...map, sources: files.map((file) => pathToFileURL(file).href), sourcesContent: files.map(textOf) };
  const url = `data:application/json;base64,${Buffer.from(JSON.stringify(shown)).toString('base64')}`;
  return { ...bundle, code: `${bundle.code}\n//# sourceMappingURL=${url}` };
}

/** Some sources are no files: the entry that the bundler was given, for one. */
function textOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
