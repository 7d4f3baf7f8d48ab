/**
 * A bundle in one file.
 *
 * Programs write the `code` of a bundle to disk when they are built, and give workers that file, or its text. So the last line of `code` is a
 * comment that holds what else a worker needs to know. The runtime is not in it: a worker has its own, and refuses a bundle whose border to
 * the runtime is another one.
 */
import { readFile } from 'node:fs/promises';
import { WorkflowBundleError } from './bundle-error.js';
import type { WorkflowBundle } from './bundle.js';
import { runtimeCode } from './runtime-code.js';

/** The `code` of a bundle, kept by itself. */
export interface WorkflowBundleCode {
  readonly code: string;
}

/** A file that holds the `code` of a bundle. */
export interface WorkflowBundlePath {
  readonly codePath: string;
}

export type WorkflowBundleOption = WorkflowBundle | WorkflowBundleCode | WorkflowBundlePath;

type Remainder = Pick<WorkflowBundle, 'sourceMap' | 'packages' | 'runtimeVersion'>;

const MARK = '\n//# perdureBundle=';
/** They end a line of JavaScript, but JSON leaves them as they are. */
const LINE_ENDS = /[\u2028\u2029]/g;

/** The bundle, whose `code` says all that {@link wholeBundle} must know. */
export function withRemainder(bundle: WorkflowBundle): WorkflowBundle {
  const { sourceMap, packages, runtimeVersion } = bundle;
  const remainder = JSON.stringify({ sourceMap, packages, runtimeVersion } satisfies Remainder | { packages: undefined });
  return { ...bundle, code: bundle.code.trimEnd() + MARK + remainder.replace(LINE_ENDS, (end) => `\\u${end.charCodeAt(0).toString(16)}`) };
}

/** @throws WorkflowBundleError if the code is not that of a bundle of this package; the file system's error if there is no such file. */
export async function wholeBundle(given: WorkflowBundleOption): Promise<WorkflowBundle> {
  if ('runtime' in given) return given;
  const code = 'codePath' in given ? await readFile(given.codePath, 'utf8') : given.code;
  const remainder = remainderOf(code);
  if (remainder === undefined) {
    const what = 'codePath' in given ? `The file '${given.codePath}'` : 'The code of workflowBundle';
    throw new WorkflowBundleError(`${what} is no workflow bundle of perdure. Make it again: write \`code\` of what bundleWorkflowCode() returns, unchanged.`);
  }
  return { ...remainder, code, runtime: await runtimeCode() };
}

function remainderOf(code: string): Remainder | undefined {
  const start = code.lastIndexOf(MARK);
  if (start === -1) return undefined;
  const end = code.indexOf('\n', start + MARK.length);
  try {
    return JSON.parse(code.slice(start + MARK.length, end === -1 ? undefined : end)) as Remainder;
  } catch {
    return undefined;
  }
}
