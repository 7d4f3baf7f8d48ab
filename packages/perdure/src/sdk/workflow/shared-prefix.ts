/** Marks imports of packages that all runs of a realm share; see `sandbox/shared-packages.ts`. */
export const SHARED_PREFIX = 'perdure-shared:';
