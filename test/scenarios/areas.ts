/** The areas: each folder here with a `scenarios.ts`. Nothing needs to be registered anywhere else. */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as Activity from 'perdure/activity';
import { root } from '../../bench/processes.js';
import type { Scenario } from './scenario.js';

export interface Area {
  readonly name: string;
  readonly scenarios: readonly Scenario[];
  /** The area's activities, written for whichever SDK it is given. */
  readonly activities: (sdk: typeof Activity) => object;
  /** Compiled workflows, below `build/`; left out where the area has none. */
  readonly workflows?: string;
}

const compiled = path.dirname(fileURLToPath(import.meta.url));

/**
 * Loads the areas, or those that have a scenario whose `area/name` contains the filter.
 * @throws Error if two scenarios of an area share a name
 */
export async function loadAreas(filter = process.env['SCENARIOS'] ?? ''): Promise<Area[]> {
  const names = fs.readdirSync(path.join(root, 'test/scenarios')).filter((name) => fs.existsSync(path.join(root, 'test/scenarios', name, 'scenarios.ts')));
  const wantedArea = /^([a-z-]+)\//.exec(filter)?.[1];
  const areas = await Promise.all(names.filter((name) => wantedArea === undefined || name === wantedArea).map((name) => loadArea(name, filter)));
  return areas.filter((area) => area.scenarios.length > 0);
}

async function loadArea(name: string, filter: string): Promise<Area> {
  return tryLoadArea(name, filter).catch((error: unknown) => {
    // The other areas are of use all the same.
    const broken: Scenario = { name: 'can be loaded', covers: [], worker: 'own', run: () => Promise.reject(error) };
    return { name, activities: () => ({}), scenarios: [broken] };
  });
}

async function tryLoadArea(name: string, filter: string): Promise<Area> {
  const { SCENARIOS } = (await import(path.join(compiled, name, 'scenarios.js'))) as { SCENARIOS: readonly Scenario[] };
  const activitiesFile = path.join(compiled, name, 'activities.js');
  const activities = fs.existsSync(activitiesFile) ? ((await import(activitiesFile)) as { activities: Area['activities'] }).activities : () => ({});
  const seen = new Set<string>();
  for (const scenario of SCENARIOS) {
    if (seen.has(scenario.name)) throw new Error(`two scenarios of '${name}' are called '${scenario.name}'`);
    seen.add(scenario.name);
  }
  const workflows = fs.existsSync(path.join(compiled, name, 'workflows.js')) ? { workflows: `test/scenarios/${name}/workflows.js` } : {};
  return { name, activities, ...workflows, scenarios: SCENARIOS.filter((scenario) => `${name}/${scenario.name}`.includes(filter)) };
}
