/** Which module of Perdure stands for which package of Temporal's TypeScript SDK. */

const MODULES: ReadonlyMap<string, string> = new Map([
  ['@temporalio/activity', 'perdure/activity'],
  ['@temporalio/client', 'perdure/client'],
  ['@temporalio/common', 'perdure/common'],
  ['@temporalio/envconfig', 'perdure/envconfig'],
  ['@temporalio/testing', 'perdure/testing'],
  ['@temporalio/worker', 'perdure/worker'],
  ['@temporalio/workflow', 'perdure/workflow'],
]);

/** Packages whose job is done by Perdure itself: nothing is imported in their place. */
const NOT_NEEDED: ReadonlyMap<string, string> = new Map([
  ['@temporalio/core-bridge', 'Perdure has no native part: remove the import.'],
]);

/** `undefined`: none does. Files inside of a package (`@temporalio/common/lib/…`) are nobody's interface and have none. */
export function moduleFor(temporalModule: string): string | undefined {
  return MODULES.get(temporalModule);
}

/** What to do about an import that cannot be moved. */
export function remedyFor(temporalModule: string): string {
  const notNeeded = NOT_NEEDED.get(temporalModule);
  if (notNeeded !== undefined) return notNeeded;
  const owner = [...MODULES.keys()].find((name) => temporalModule.startsWith(`${name}/`));
  if (owner !== undefined) return `Import the names from "${moduleFor(owner)}": files inside of a package are not moved.`;
  return 'Perdure has no counterpart: keep the package, or remove the import.';
}

export function isTemporalModule(name: string): boolean {
  return name.startsWith('@temporalio/');
}
