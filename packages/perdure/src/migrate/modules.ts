/** Which module of Perdure stands for which package of Temporal's TypeScript SDK. */

const MODULES: ReadonlyMap<string, string> = new Map([
  ['@temporalio/activity', 'perdure/activity'],
  ['@temporalio/client', 'perdure/client'],
  ['@temporalio/common', 'perdure/common'],
  ['@temporalio/common/lib/protobufs', 'perdure/protobufs'],
  ['@temporalio/envconfig', 'perdure/envconfig'],
  ['@temporalio/interceptors-opentelemetry', 'perdure/opentelemetry'],
  ['@temporalio/nexus', 'perdure/nexus'],
  ['@temporalio/plugin', 'perdure/plugin'],
  ['@temporalio/testing', 'perdure/testing'],
  ['@temporalio/worker', 'perdure/worker'],
  ['@temporalio/workflow', 'perdure/workflow'],
]);

/** Packages whose job is done by Perdure itself: nothing is imported in their place. */
const NOT_NEEDED: ReadonlyMap<string, string> = new Map([
  ['@temporalio/core-bridge', 'Perdure has no native part: remove the import.'],
]);

/** `undefined`: none does. */
export function moduleFor(temporalModule: string): string | undefined {
  return MODULES.get(temporalModule);
}

/**
 * Which module of ours stands for the package that a file belongs to: `@temporalio/common/lib/encoding` is part of `@temporalio/common`.
 * Such files are nobody's interface, but programs do import from them.
 */
export function moduleForFile(temporalFile: string): string | undefined {
  const owner = [...MODULES.keys()].find((name) => temporalFile.startsWith(`${name}/`));
  return owner && MODULES.get(owner);
}

/** What to do about an import that cannot be moved. */
export function remedyFor(temporalModule: string): string {
  const notNeeded = NOT_NEEDED.get(temporalModule);
  if (notNeeded !== undefined) return notNeeded;
  const owner = moduleForFile(temporalModule);
  if (owner !== undefined) return `Take the names from "${owner}", if it exports them: the files inside of it have other names.`;
  return 'Perdure has no counterpart: keep the package, or remove the import.';
}

export function isTemporalModule(name: string): boolean {
  return name.startsWith('@temporalio/');
}
