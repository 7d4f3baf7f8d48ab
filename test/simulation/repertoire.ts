/**
 * What a seed plays beside the stories of workflows: activities that clients start, operations of other services, workers of two builds, or
 * all of them at once. Who serves them is there only in the seeds that need it, because each worker costs calls.
 */
import type { Deployment } from '#perdure/simulation/simulated-worker';
import type { SimulatedQueue } from '#perdure/simulation/simulated-world';
import { createVersionActivities, type Witness } from './activities.js';
import { approved, calledBack, cancelled, deadlines, goesBack, operations, SERVICE_QUEUE, type NexusScene } from './nexus.js';
import { QUEUE, type Scene } from './resets.js';
import { createServices, OperationNotes } from './services.js';
import { ActivityLedger, charge, checkActivities, ended, operated, outside, watched, type ActivityScene } from './standalone.js';
import { BUILDS, checkDrained, checkVersions, DEPLOYMENT, moving, overridden, rollout, staying, VERSIONED_QUEUE, type VersionScene } from './versions.js';

type ServiceScene = ActivityScene & NexusScene & VersionScene;
type Story = (scene: ServiceScene, name: string) => Promise<void>;

const ACTIVITIES = { charge, ended, operated, outside, watched };
const OPERATIONS = { operations, cancelled, deadlines, calledBack, approved, goesBack };
const VERSIONS = { staying, moving, overridden, rollout };
const THEMES: readonly Readonly<Record<string, Story>>[] = [ACTIVITIES, OPERATIONS, VERSIONS, { ...ACTIVITIES, ...OPERATIONS, ...VERSIONS }];

export const SERVICE_STORIES: readonly string[] = Object.keys(THEMES[3] ?? {});

/** One seed of it. */
export class Services {
  readonly #stories: readonly (readonly [string, Story])[];
  readonly #servesOperations: boolean;
  readonly #servesVersions: boolean;
  readonly #notes = new OperationNotes();
  readonly #activities = new ActivityLedger();
  readonly #witness: Witness;
  /** The build of each worker, by identity. */
  readonly #builds = new Map<string, string>();

  constructor(seed: number, witness: Witness) {
    const theme = seed % THEMES.length;
    this.#stories = Object.entries(THEMES[theme] ?? {});
    this.#servesOperations = theme % 2 === 1;
    this.#servesVersions = theme >= 2;
    this.#witness = witness;
  }

  get problems(): readonly string[] {
    return this.#notes.problems;
  }

  /** Behind those that are there already. */
  queuesBehind(first: readonly SimulatedQueue[]): readonly SimulatedQueue[] {
    const queues = [...first];
    if (this.#servesOperations) queues.push({ taskQueue: SERVICE_QUEUE, workers: 1, activities: () => ({}), nexusServices: () => createServices(this.#notes, QUEUE) });
    for (const build of this.#servesVersions ? BUILDS : []) {
      this.#builds.set(`worker-${queues.reduce((sum, { workers }) => sum + workers, 0)}`, build);
      queues.push({ taskQueue: VERSIONED_QUEUE, workers: 1, activities: () => createVersionActivities(this.#witness, build), deployment: deploymentOf(build) });
    }
    return queues;
  }

  /** One of its stories, by chance. */
  story(scene: Scene): { readonly title: string; readonly play: (name: string) => Promise<void> } {
    const [title, story] = this.#stories[scene.below(this.#stories.length)] ?? ['charge', charge];
    return { title, play: (name) => story(this.#sceneOf(scene), name) };
  }

  /** What must hold when all has ended. Asks the server. */
  async check(scene: Scene): Promise<void> {
    const of = this.#sceneOf(scene);
    await checkActivities(of);
    for (const { workflowId, runId } of scene.world.disk.runs) {
      for (const problem of checkVersions(`${workflowId} (${runId})`, scene.world.disk.events(runId), (identity) => this.#builds.get(identity))) scene.problems.add(problem);
    }
  }

  /** What must hold after some time of rest. Asks the server. */
  async checkRested(scene: Scene): Promise<void> {
    if (this.#servesVersions) await checkDrained(scene);
  }

  #sceneOf(scene: Scene): ServiceScene {
    const workersOf = (build: string) => scene.world.workers.filter((_, index) => this.#builds.get(`worker-${index}`) === build);
    return { ...scene, notes: this.#notes, activities: this.#activities, workersOf };
  }
}

function deploymentOf(buildId: string): Deployment {
  return { version: { deploymentName: DEPLOYMENT, buildId }, useWorkerVersioning: true, defaultVersioningBehavior: 'PINNED' };
}
