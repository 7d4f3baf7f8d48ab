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
import type { Logger } from '../common/index.js';
import { WorkflowBundleError } from './bundle-error.js';
import { ImportCheck } from './import-check.js';
import { readablePath } from './readable-path.js';
import { runtimeCode } from './runtime-code.js';
import { SharedPackages } from './shared-packages.js';
import { withRemainder } from './stored-bundle.js';

/** A bundle, as plain data: it can be stored and loaded by another process with the same version of this package. */
export interface WorkflowBundle {
  /** A function expression. Enough by itself: written to a file, it makes `workflowBundle: { codePath }`. */
  readonly code: string;
  /** Source map of `code`, as JSON. */
  readonly sourceMap: string;
  /** Packages that all runs share, as a function expression; see `BundleOptions.sharedPackages`. */
  readonly packages?: string;
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
  /**
   * Packages that are evaluated once for all runs of a worker, because they are large and keep no state that workflow code could see. zod,
   * valibot and arktype always are. Default: none besides.
   */
  readonly sharedPackages?: readonly string[];
  /** Applied in order. */
  readonly plugins?: readonly BundlerPlugin[];
  /** Has no effect: what goes wrong is thrown, and there is nothing else to tell. It is here for code that moves over from Temporal's SDK. */
  readonly logger?: Logger;
}

/** Configures bundles, those that workers make included. */
export interface BundlerPlugin {
  readonly name: string;
  /** Called before the bundle is made, with the options as earlier plugins left them. */
  configureBundler?(options: BundleOptions): BundleOptions;
}

export { WorkflowBundleError, type ForbiddenImport } from './bundle-error.js';

/** Counts up whenever `runtime.ts` or `activation.ts` changes in a way that old bundles could not follow. */
export const RUNTIME_VERSION = 5;

/** The options as the plugins want them: no plugin is asked again. */
export function configuredBundle(asked: BundleOptions): BundleOptions {
  const configured = (asked.plugins ?? []).reduce((options, plugin) => plugin.configureBundler?.(options) ?? options, asked);
  return { ...configured, plugins: [] };
}

/**
 * Compiles workflow code. `Worker.create` does it by itself; do it beforehand to start workers faster.
 *
 * @throws WorkflowBundleError for syntax errors, modules that are not found, and imports that workflow code must not have.
 * @example const workflowBundle = await bundleWorkflowCode({ workflowsPath: './src/workflows.ts' });
 */
export async function bundleWorkflowCode(asked: BundleOptions): Promise<WorkflowBundle> {
  const options = configuredBundle(asked);
  const entry = resolvePath(options.workflowsPath, 'workflowsPath');
  const check = new ImportCheck(options.ignoreModules ?? []);
  const packages = new SharedPackages(options.sharedPackages ?? []);
  const folder = dirname(entry);
  const [result, runtime] = await Promise.all([checkedBuild(userBuild(entrySource(entry, options), folder), check, [packages.plugin()]), runtimeCode()]);
  const { entrySource: packagesSource } = packages;
  const shared = packagesSource && { packages: outputNamed(await checkedBuild(packagesBuild(packagesSource, folder), check), '.js') };
  return withRemainder({ code: outputNamed(result, '.js'), sourceMap: readablePaths(outputNamed(result, '.map')), ...shared, runtime, runtimeVersion: RUNTIME_VERSION });
}

/** @throws WorkflowBundleError for imports that workflow code must not have. */
async function checkedBuild(settings: esbuild.BuildOptions, check: ImportCheck, plugins: readonly esbuild.Plugin[] = []): Promise<esbuild.BuildResult> {
  const result = await build({ ...settings, plugins: [...plugins, check.plugin()] });
  // What esbuild calls a warning would be a call of undefined in the workflow.
  const absent = result.warnings.filter(({ id, text }) => id === 'import-is-undefined' && OWN_MODULE.test(text));
  if (absent.length > 0) throw bundleError({ errors: absent });
  const forbidden = check.forbidden(result.metafile);
  if (forbidden.length > 0) throw WorkflowBundleError.forImports(await check.locate(forbidden, result.metafile, settings));
  return result;
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
  map.sources = map.sources.map(readablePath);
  return JSON.stringify(map);
}

/** A bundle is a function expression; see `BundleFactory`. */
const BUNDLE_START = '(function (require, module, globalThis) { var global = globalThis, self = globalThis, exports = module.exports;';
const BUNDLE_END = '})';

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
    // `import(name)` of something that is not in the bundle then fails like any other module that is missing: with a message and the user's line.
    supported: { 'dynamic-import': false },
    // There is no process in workflow code. `if (globalThis.process) …` is left out, with what only it imports: a program and its
    // workflows can share one file.
    define: { 'process.env.NODE_ENV': '"production"', 'globalThis.process': 'undefined' },
    banner: { js: BUNDLE_START },
    footer: { js: BUNDLE_END },
    logLevel: 'silent',
    charset: 'utf8',
  };
}

/**
 * Schema libraries name classes of the web when they are loaded, to know their values later. They get empty ones: nothing in workflow code is a
 * value of them. In a scope around that of the bundle, because its modules may have names like these.
 */
function packagesBuild(contents: string, resolveDir: string): esbuild.BuildOptions {
  const settings = userBuild(contents, resolveDir);
  const classes = ['Blob', 'FormData', 'Headers', 'Request', 'Response'].map((name) => `class ${name} {}`).join(' ');
  // Nobody reads positions in these packages, and a map of them takes as long as all the rest.
  return { ...settings, sourcemap: false, banner: { js: `${BUNDLE_START} ${classes} (function () {` }, footer: { js: `})() ${BUNDLE_END}` } };
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
    const place = location ? `${readablePath(location.file)}:${location.line}:${location.column + 1}: ` : '';
    return `  ${place}${text}${adviceFor(text)}`;
  });
  return new WorkflowBundleError(`Workflow code cannot be bundled:\n${shown.join('\n')}`, [], { cause: error });
}

/** A file that stands for a module of Node, in messages of the compiler. */
const OWN_MODULE = /no matching export in ".*?workflow\/modules\/([\w-]+)\.js"/i;

/** For messages of the compiler that do not say what to do in workflow code. */
function adviceFor(text: string): string {
  if (text.startsWith('Top-level await')) return '\n      Modules are evaluated at once for each run: await inside the workflow function.';
  const pure = OWN_MODULE.exec(text);
  return pure === null ? '' : `\n      Of node:${pure[1]} workflow code has the pure part only. Use a package without Node modules, or do this in an activity.`;
}

function outputNamed(result: esbuild.BuildResult, ending: string): string {
  const file = result.outputFiles?.find(({ path }) => path.endsWith(ending));
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
