/**
 * Workflow code, from the user's file to something a realm can run.
 *
 * No configuration: TypeScript, ES modules and CommonJS as they are, packages from node_modules, through esbuild. The result is a
 * function expression: the realm calls it once for each run, so that each run has its own copy of the user's modules. This package's own
 * modules are not in it; they are compiled apart (`runtime`) and shared by all runs of a realm, which makes a run cheap to start and
 * gives everybody the same failure classes.
 *
 * Imports that a replay could not repeat are refused here, before the worker takes any task. An import counts only if it is left in the
 * output: what is imported for its types, or by modules that nothing uses, is gone by then.
 */
import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as esbuild from 'esbuild';
import { WorkflowBundleError } from './bundle-error.js';
import { ImportCheck } from './import-check.js';

/** A bundle, as plain data: it can be stored and loaded by another process with the same version of this package. */
export interface WorkflowBundle {
  /** A function expression. */
  readonly code: string;
  /** Source map of `code`, as JSON. */
  readonly sourceMap: string;
  /** This package as workflow code sees it. */
  readonly runtime: string;
  /** Version of the border between `runtime` and the worker. */
  readonly runtimeVersion: number;
}

export interface BundleOptions {
  /** The file (or folder with an index file, or module name, or `file:` URL) that exports the workflows. */
  readonly workflowsPath: string;
  /** A module that exports `payloadConverter`, for use in workflow code. */
  readonly payloadConverterPath?: string;
  /** A module that exports `failureConverter`, for use in workflow code. */
  readonly failureConverterPath?: string;
  /** Modules that export `interceptors`, the first being the outermost. */
  readonly workflowInterceptorModules?: readonly string[];
  /** Modules that are imported somewhere but never used by workflow code: calling them fails the workflow task. */
  readonly ignoreModules?: readonly string[];
}

export { WorkflowBundleError, type ForbiddenImport } from './bundle-error.js';

/** Counts up whenever `runtime.ts` or `activation.ts` changes in a way that old bundles could not follow. */
export const RUNTIME_VERSION = 3;

/**
 * Compiles workflow code. `Worker.create` does it by itself; do it beforehand to start workers faster.
 *
 * @throws WorkflowBundleError for syntax errors, modules that are not found, and imports that workflow code must not have.
 * @example const workflowBundle = await bundleWorkflowCode({ workflowsPath: './src/workflows.ts' });
 */
export async function bundleWorkflowCode(options: BundleOptions): Promise<WorkflowBundle> {
  const entry = resolvePath(options.workflowsPath, 'workflowsPath');
  const check = new ImportCheck(options.ignoreModules ?? []);
  const shared = userBuild(entrySource(entry, options), dirname(entry));
  const [result, runtime] = await Promise.all([build({ ...shared, plugins: [check.plugin()] }), runtimeCode()]);
  const forbidden = check.forbidden(result.metafile);
  if (forbidden.length > 0) throw WorkflowBundleError.forImports(await check.locate(forbidden, result.metafile, shared));
  return { code: outputNamed(result, '.js'), sourceMap: readablePaths(outputNamed(result, '.map')), runtime, runtimeVersion: RUNTIME_VERSION };
}

/** The one module that the bundle starts from. */
function entrySource(entry: string, options: BundleOptions): string {
  const modules = (options.workflowInterceptorModules ?? []).map((path) => JSON.stringify(resolvePath(path, 'interceptors.workflowModules')));
  const lines = modules.map((path, index) => `import * as interceptors${index} from ${path};`);
  if (modules.length > 0) lines.push(`export const interceptorModules = [${modules.map((_, index) => `interceptors${index}`).join(', ')}];`);
  lines.push(`export * as workflows from ${JSON.stringify(entry)};`);
  const { payloadConverterPath, failureConverterPath } = options;
  if (payloadConverterPath) lines.push(`export { payloadConverter } from ${JSON.stringify(resolvePath(payloadConverterPath, 'payloadConverterPath'))};`);
  if (failureConverterPath) lines.push(`export { failureConverter } from ${JSON.stringify(resolvePath(failureConverterPath, 'failureConverterPath'))};`);
  return lines.join('\n');
}

/** Files outside of the working directory get their whole path: `../../../../x` helps nobody in a stack trace. */
function readablePaths(sourceMap: string): string {
  const map = JSON.parse(sourceMap) as { sources: string[] };
  map.sources = map.sources.map((source) => (source.startsWith('..') ? resolve(source) : source));
  return JSON.stringify(map);
}

function userBuild(contents: string, resolveDir: string): esbuild.BuildOptions {
  return {
    stdin: { contents, resolveDir, sourcefile: 'perdure-entry.js', loader: 'js' },
    bundle: true,
    write: false,
    metafile: true,
    outfile: 'perdure-workflows.js',
    absWorkingDir: process.cwd(),
    format: 'cjs',
    // Packages with a variant for browsers have one without Node's modules: that is the one that fits.
    platform: 'browser',
    mainFields: ['browser', 'module', 'main'],
    conditions: ['workflow', 'browser', 'module', 'import'],
    target: 'node20',
    sourcemap: 'external',
    sourcesContent: false,
    keepNames: false,
    // There is no process in workflow code. `if (globalThis.process) …` is left out, with what only it imports: a program and its
    // workflows can share one file.
    define: { 'process.env.NODE_ENV': '"production"', 'globalThis.process': 'undefined' },
    banner: { js: '(function (require, module, globalThis) { var global = globalThis, self = globalThis, exports = module.exports;' },
    footer: { js: '})' },
    logLevel: 'silent',
    charset: 'utf8',
  };
}

let runtimeBuild: Promise<string> | undefined;

/** This package's realm side; compiled once per process. */
function runtimeCode(): Promise<string> {
  runtimeBuild ??= build({
    entryPoints: [fileURLToPath(new URL('../workflow/runtime.js', import.meta.url))],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'perdureRuntime',
    platform: 'neutral',
    target: 'node20',
    minifySyntax: true,
    banner: { js: '(function () { "use strict";' },
    footer: { js: 'return perdureRuntime; })()' },
    logLevel: 'silent',
    charset: 'utf8',
  }).then((result) => outputNamed(result, '.js', true));
  return runtimeBuild;
}

async function build(options: esbuild.BuildOptions): Promise<esbuild.BuildResult> {
  try {
    // Loaded here, not above: a worker with a bundle made beforehand does not need it.
    const { build: compile } = await import('esbuild');
    return await compile(options);
  } catch (error) {
    throw bundleError(error);
  }
}

function bundleError(error: unknown): unknown {
  const errors = (error as Partial<esbuild.BuildFailure>).errors;
  if (!Array.isArray(errors) || errors.length === 0) return error;
  const shown = errors.map(({ text, location }: esbuild.Message) => {
    const place = location ? `${location.file}:${location.line}:${location.column + 1}: ` : '';
    return `  ${place}${text}`;
  });
  return new WorkflowBundleError(`Workflow code cannot be bundled:\n${shown.join('\n')}`, [], { cause: error });
}

function outputNamed(result: esbuild.BuildResult, ending: string, only = false): string {
  const file = result.outputFiles?.find(({ path }) => only || path.endsWith(ending));
  if (file === undefined) throw new Error(`esbuild gave no ${ending} output.`);
  return file.text;
}

function resolvePath(given: string, option: string): string {
  if (given === '') throw new WorkflowBundleError(`${option} is empty: give the path of a file.`);
  const path = given.startsWith('file:') ? fileURLToPath(given) : resolve(given);
  if (existsSync(path) && statSync(path).isFile()) return path;
  try {
    // Folders, names without extension, packages.
    return createRequire(`${process.cwd()}/`).resolve(given.startsWith('file:') ? path : given);
  } catch {
    const found = ['.ts', '.tsx', '.mts', '.cts', '.js', '.mjs', '.cjs', '/index.ts', '/index.js', '/index.mjs'].map((ending) => path + ending).find(existsSync);
    if (found !== undefined) return found;
    throw new WorkflowBundleError(`${option} names no file: '${given}'${given === path ? '' : ` (looked at ${relative(process.cwd(), path) || path})`}.`);
  }
}
