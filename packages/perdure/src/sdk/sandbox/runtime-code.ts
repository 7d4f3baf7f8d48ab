/**
 * This package as workflow code sees it: its realm side as one script.
 *
 * Compiling it takes longer than compiling a project's workflows, so the package carries it compiled (`scripts/bundle-runtime.mjs` writes it as
 * the last step of the build). In a working copy the compiler's build info tells when the file is older than the modules; then it is compiled
 * here, once per process.
 */
import { readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const ENTRY = new URL('../workflow/runtime.js', import.meta.url);
export const COMPILED_RUNTIME = new URL('../workflow/runtime.bundle.js', import.meta.url);
/** Not part of the package. */
const BUILD_INFO = new URL('../../.tsbuildinfo', import.meta.url);

let code: Promise<string> | undefined;

export function runtimeCode(): Promise<string> {
  return (code ??= carriedCode().then((carried) => carried ?? compileRuntime()));
}

async function carriedCode(): Promise<string | undefined> {
  const modifiedMs = (file: URL): Promise<number | undefined> => stat(file).then(({ mtimeMs }) => mtimeMs, () => undefined);
  const [compiled, buildInfo = 0] = await Promise.all([modifiedMs(COMPILED_RUNTIME), modifiedMs(BUILD_INFO)]);
  return compiled === undefined || compiled < buildInfo ? undefined : readFile(COMPILED_RUNTIME, 'utf8');
}

export async function compileRuntime(): Promise<string> {
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(ENTRY)],
    // Paths stand in the code: it must be the same wherever the worker was started.
    absWorkingDir: fileURLToPath(new URL('.', ENTRY)),
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'perdureRuntime',
    platform: 'neutral',
    // A class of nexus-rpc is part of the runtime.
    mainFields: ['module', 'main'],
    target: 'node20',
    minifySyntax: true,
    banner: { js: '(function () { "use strict";' },
    footer: { js: 'return perdureRuntime; })()' },
    logLevel: 'silent',
    charset: 'utf8',
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error('esbuild gave no output for the runtime.');
  return file.text;
}
