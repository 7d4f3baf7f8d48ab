/** Which imports workflow code must not have, why, and what to use instead. */
import { builtinModules } from 'node:module';

const ACTIVITY = 'Do this in an activity, and call that through proxyActivities.';

/** Builtin modules whose purpose has an equivalent inside workflow code. */
const BUILTIN_REMEDIES: Readonly<Record<string, string>> = {
  crypto: 'For ids use uuid4() from perdure/workflow; for hashing and encryption call an activity.',
  timers: "Use sleep('5 minutes') from perdure/workflow, or the global setTimeout: both are durable timers.",
  'timers/promises': "Use sleep('5 minutes') from perdure/workflow: it is a durable timer.",
  process: 'Pass what you need as an argument of the workflow, or read it in an activity.',
  perf_hooks: 'Use Date.now(): in workflow code it is the workflow time.',
  worker_threads: 'Workflow code has one thread. Start an activity or a child workflow for parallel work.',
  async_hooks: 'Import AsyncLocalStorage from perdure/workflow; mostly an ordinary variable will do, because each run has its own copy of your modules.',
  events: 'Use signals, Trigger and condition() from perdure/workflow.',
  buffer: 'Use Uint8Array with TextEncoder and TextDecoder.',
  path: 'Paths belong into activities. For text that only looks like a path install a package without Node modules, such as pathe.',
  punycode: 'Install the package punycode.',
  querystring: 'Use the global URLSearchParams.',
  string_decoder: 'Use the global TextDecoder.',
};

const builtins = new Set(builtinModules.filter((name) => !name.startsWith('_')));

/** Subpaths of this package that work outside of workflows only. */
const OWN_SUBPATHS: Readonly<Record<string, string>> = {
  'perdure/client': 'A workflow reaches others with getExternalWorkflowHandle, startChild and executeChild from perdure/workflow.',
  'perdure/worker': 'The worker loads the workflows, not the other way round. Put the worker into a file of its own.',
  'perdure/activity': 'This belongs into the file with the activities. Import only their types: `import type * as activities from …`.',
  'perdure/nexus': 'Operation handlers run beside workflows. Import the service definition only, and call it through createNexusServiceClient from perdure/workflow.',
  'perdure/server': 'Open the engine in the program that runs the worker.',
  'perdure/testing': 'This belongs into tests.',
};

const OFFICIAL: Readonly<Record<string, string>> = {
  '@temporalio/workflow': "Import from 'perdure/workflow': it has the same names.",
  '@temporalio/common': "Import from 'perdure/common': it has the same names.",
  '@temporalio/activity': "Import from 'perdure/activity', in the file with the activities.",
  '@temporalio/nexus': OWN_SUBPATHS['perdure/nexus']!,
  '@temporalio/client': OWN_SUBPATHS['perdure/client']!,
  '@temporalio/worker': OWN_SUBPATHS['perdure/worker']!,
};

/** What to do instead of importing `specifier`; undefined if it may be imported. */
export function remedyForImport(specifier: string): string | undefined {
  if (Object.hasOwn(OWN_SUBPATHS, specifier)) return OWN_SUBPATHS[specifier];
  if (Object.hasOwn(OFFICIAL, specifier)) return OFFICIAL[specifier];
  const isNode = specifier.startsWith('node:');
  const name = isNode ? specifier.slice('node:'.length) : specifier;
  const [top = ''] = name.split('/');
  if (!isNode && !builtins.has(name) && !builtins.has(top)) return undefined;
  return BUILTIN_REMEDIES[name] ?? BUILTIN_REMEDIES[top] ?? ACTIVITY;
}

/** True for a module of Node whose name a package of npm may have too; a bundled package wins. */
export function isBuiltinName(specifier: string): boolean {
  return !specifier.startsWith('node:') && builtins.has(specifier.split('/')[0] ?? '');
}
