/**
 * Random programs of everything that a worker deployment can be told: its journal folds to its state, what it owes follows from the touched
 * keys, what is refused changes nothing, its routing names versions that exist, and its revision only grows.
 *
 * `testing/programs.ts` plays them, and says how to play more.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../ports/random.js';
import { Code, Payload, RpcError, VersionDrainageStatus } from '../../protocol/index.js';
import type { Debt, DebtKey, HostInput } from '../machine.js';
import { inOrder, keepBooks } from '../testing/books.js';
import { programTests } from '../testing/programs.js';
import { conflictToken, deploymentKey, deploymentMachine as machine, describeDeployment, describeVersion, type DeploymentInput, type DeploymentReply, type DeploymentState } from './index.js';

const STEPS = 40;
const LIMITS = { versions: 3, queuesOfVersion: 2 };
const GRACE_MS = 1_000;
const REFRESH_MS = 500;

/** `build`: its number; 0 is none. `token`: how many changes old the conflict token is; left out: none is sent. */
type Step =
  | { readonly do: 'register'; readonly build?: number; readonly queue?: number; readonly isUnpolled?: boolean }
  | { readonly do: 'create' | 'delete-deployment' | 'delete' }
  | { readonly do: 'wake' | 'crash' }
  | { readonly do: 'create-version'; readonly build?: number }
  | { readonly do: 'set-current' | 'set-ramping'; readonly build?: number; readonly percentage?: number; readonly token?: number; readonly makes?: boolean; readonly busy?: boolean; readonly who?: string }
  | { readonly do: 'set-manager'; readonly who?: string; readonly token?: number }
  | { readonly do: 'metadata'; readonly build?: number; readonly removes?: boolean }
  | { readonly do: 'delete-version'; readonly build?: number; readonly skips?: boolean; readonly isPolled?: boolean }
  | { readonly do: 'revive'; readonly build?: number }
  | { readonly do: 'wait'; readonly ms?: number }
  /** The count of pinned runs; `how` 2: it could not be counted. */
  | { readonly do: 'answer'; readonly build?: number; readonly how?: number };

function randomProgram(seed: number): readonly Step[] {
  const random = seededRandom(seed, { now: () => 0 });
  const below = (limit: number): number => Math.floor(random.next() * limit);
  const chance = (probability: number): boolean => random.next() < probability;
  const of = <T>(...from: readonly T[]): T => from[below(from.length)] as T;
  const register = (): Step => ({ do: 'register', build: 1 + below(4), queue: below(3), isUnpolled: chance(0.3) });
  const route = (): Step => ({ do: of('set-current', 'set-ramping'), build: below(5), percentage: of(0, 10, 33.3, 100), makes: chance(0.3), busy: chance(0.3), ...(chance(0.3) && { token: below(2) }), ...(chance(0.1) && { who: 'bob' }) });
  const makes: readonly (readonly [number, () => Step])[] = [
    [8, register],
    [8, route],
    [0.7, () => ({ do: of('create', 'delete-deployment', 'delete') })],
    [1, () => ({ do: 'create-version', build: 1 + below(4) })],
    [0.6, () => ({ do: 'set-manager', who: of('', '', 'bob'), ...(chance(0.5) && { token: below(2) }) })],
    [1, () => ({ do: 'metadata', build: 1 + below(4), removes: chance(0.3) })],
    [2, () => ({ do: 'delete-version', build: 1 + below(4), skips: chance(0.3), isPolled: chance(0.3) })],
    [1, () => ({ do: 'revive', build: 1 + below(4) })],
    [4, () => ({ do: 'wait', ms: chance(0.1) ? -300 : below(1_500) })],
    [4, () => ({ do: 'wake' })],
    [5, () => ({ do: 'answer', build: 1 + below(4), how: below(3) })],
    [2, () => ({ do: 'crash' })],
  ];
  const weight = makes.reduce((sum, [each]) => sum + each, 0);
  return Array.from({ length: STEPS }, () => {
    let left = random.next() * weight;
    return (makes.find(([each]) => (left -= each) < 0)?.[1] ?? register)();
  });
}

class ProgramRun {
  now = 1_000_000;
  readonly seen = new Set<VersionDrainageStatus>();
  #state: DeploymentState | undefined;
  #folded: DeploymentState | undefined;
  #owed = new Map<DebtKey, Debt>();
  #revision = 0;
  #incarnations = 0;
  readonly #tokens: Uint8Array[] = [];

  take(step: Step): void {
    switch (step.do) {
      case 'wait':
        this.now += step.ms ?? 0;
        return void this.#send({ type: 'wake' });
      case 'wake': {
        const due = [...this.#owed.values()].flatMap(({ wakeAt }) => wakeAt ?? []);
        this.now = Math.max(this.now, ...due);
        this.#send({ type: 'wake' });
        return assert.ok([...this.#owed.values()].every(({ wakeAt }) => wakeAt === undefined || wakeAt > this.now), 'what was due is done');
      }
      case 'crash':
        if (this.#state !== undefined) this.#state = machine.restore(machine.snapshot(this.#state));
        return;
      default: {
        const input = this.#inputOf(step);
        const reply = this.#send(input);
        if (reply instanceof RpcError || input.type === 'delivered') return;
        const before = this.#state && machine.snapshot(this.#state);
        if (input.type !== 'delete' && input.type !== 'delete-deployment') {
          this.#send(input);
          // A change of the routing that names its conflict token fits once.
          assert.deepEqual(this.#state && Buffer.from(machine.snapshot(this.#state)), before && Buffer.from(before), 'the same request again changes nothing');
        }
      }
    }
  }

  #inputOf(step: Exclude<Step, { readonly do: 'wait' | 'wake' | 'crash' }>): DeploymentInput | Extract<HostInput, { type: 'delivered' }> {
    const buildId = 'build' in step && step.build !== undefined && step.build > 0 ? `${step.build}` : '';
    const identity = 'ada';
    switch (step.do) {
      case 'register':
        return { type: 'register', buildId: buildId || '1', queue: { type: 'workflow', name: `q${step.queue ?? 0}` }, limits: LIMITS, unpolled: step.isUnpolled === true ? ['1', '2', '3', '4'] : [] };
      case 'create':
        return { type: 'create', identity, requestId: 'create' };
      case 'create-version':
        return { type: 'create-version', buildId: buildId || '1', identity, requestId: `version ${buildId}`, limits: LIMITS };
      case 'set-current':
      case 'set-ramping': {
        const route = {
          buildId,
          conflictToken: this.#token(step.token),
          identity: step.who ?? identity,
          ignoreMissingQueues: false,
          allowNoPollers: step.makes ?? false,
          busyQueues: new Set(step.busy === true ? ['workflow/q0', 'workflow/q1', 'workflow/q2'] : []),
          limits: LIMITS,
          drainageGraceMs: GRACE_MS,
          drainageRefreshMs: REFRESH_MS,
        };
        return step.do === 'set-current' ? { type: 'set-current', ...route } : { type: 'set-ramping', ...route, percentage: step.percentage ?? 0 };
      }
      case 'set-manager':
        return { type: 'set-manager', manager: step.who ?? '', conflictToken: this.#token(step.token), identity };
      case 'metadata':
        return { type: 'update-metadata', buildId: buildId || '1', upserted: step.removes === true ? new Map() : new Map([['k', Payload.create({ metadata: {}, data: Buffer.from('v') })]]), removed: step.removes === true ? ['k'] : [], identity };
      case 'delete-version':
        return { type: 'delete-version', buildId: buildId || '1', skipDrainage: step.skips ?? false, hasPollers: step.isPolled ?? false, identity };
      case 'delete-deployment':
        return { type: 'delete-deployment', identity };
      case 'delete':
        return { type: 'delete' };
      case 'revive':
        return { type: 'revive', buildId: buildId || '1' };
      case 'answer': {
        const replies: unknown[] = [0, 3, new RpcError(Code.INTERNAL, 'broken')];
        return { type: 'delivered', answers: [{ key: `drainage:${buildId || '1'}`, reply: replies[(step.how ?? 0) % 3] }] };
      }
      default:
        return step satisfies never;
    }
  }

  #token(age: number | undefined): Uint8Array {
    return age === undefined ? new Uint8Array() : (this.#tokens.at(-1 - age) ?? new Uint8Array());
  }

  #send(input: DeploymentInput | HostInput): DeploymentReply | RpcError {
    const before = this.#state;
    const wasThere = before !== undefined && !before.data.forgotten;
    const bytes = before && Buffer.from(machine.snapshot(before));
    const outcome = machine.transition(before, input, { now: this.now, newId: () => 'id' }, { ...deploymentKey('n', 'shop'), machine: `incarnation-${this.#incarnations}` });
    const { state, record, reply, touched } = outcome;
    if (reply instanceof RpcError) {
      assert.equal(record, undefined, 'what is refused changes nothing');
      assert.deepEqual(state && Buffer.from(machine.snapshot(state)), bytes, 'what is refused changes nothing');
    }
    if (record !== undefined) this.#folded = machine.fold(wasThere ? this.#folded : undefined, record);
    this.#state = state;
    if (state === undefined) return reply;
    if (!wasThere && record !== undefined) this.#owed = new Map();
    keepBooks(this.#owed, machine, state, touched);
    this.#prove(state, wasThere);
    if (!(reply instanceof RpcError)) this.#tokens.push(reply.conflictToken);
    if (state.data.forgotten) {
      // The host removes it; the next one of its name is another machine.
      assert.deepEqual([...this.#owed], [['deletion', { deletion: true }]], 'what is deleted owes that and nothing else');
      this.#state = this.#folded = undefined;
      this.#owed = new Map();
      this.#incarnations += 1;
    }
    return reply;
  }

  #prove(state: DeploymentState, wasThere: boolean): void {
    assert.deepEqual(this.#folded?.data, state.data, 'the journal folds to the live state');
    const restored = machine.restore(machine.snapshot(state));
    assert.deepEqual(restored.data, state.data, 'a snapshot restores what it was made of');
    const owed = [...machine.debtKeys(restored)].map((key) => [key, machine.debt(restored, key)] as const);
    assert.deepEqual(inOrder(this.#owed), inOrder(owed), 'touched keys tell every change of what is owed');
    const { revisionNumber } = state.routing;
    assert.ok(!wasThere || revisionNumber >= this.#revision, 'the revision only grows');
    this.#revision = revisionNumber;
    for (const build of [state.currentBuild, state.rampingBuild]) assert.ok(build === undefined || state.version(build) !== undefined, `build ${build} gets tasks and exists`);
    assert.ok(state.currentBuild === undefined || state.currentBuild !== state.rampingBuild, 'no build is current and ramping');
    assert.ok(state.data.versions.length <= LIMITS.versions && state.data.versions.every(({ queues }) => queues.length <= LIMITS.queuesOfVersion), 'bounded');
    assert.equal(new Set(state.data.versions.map(({ buildId }) => buildId)).size, state.data.versions.length, 'a build is there once');
    assert.equal((describeDeployment(state).versionSummaries ?? []).length, state.data.versions.length);
    for (const version of state.data.versions) {
      describeVersion(state, version);
      const isRouted = [state.currentBuild, state.rampingBuild].includes(version.buildId);
      if (isRouted) assert.equal(version.drainage, VersionDrainageStatus.UNSPECIFIED, 'what gets tasks does not drain');
      this.seen.add(version.drainage);
    }
    assert.ok(state.data.forgotten || conflictToken(state).byteLength > 0);
  }
}

function play(program: readonly Step[]): ProgramRun {
  const run = new ProgramRun();
  for (const step of program) run.take(step);
  return run;
}

const { skip, playAll } = programTests({ file: 'dist/machines/deployment/deployment.property.test.js', programs: 1000, play });

test('random programs of inputs', { skip }, () => {
  const seen = new Set<VersionDrainageStatus>();
  playAll(randomProgram, (run) => run.seen.forEach((status) => seen.add(status)));
  assert.equal(seen.size, 3, 'versions are in use, drain, and are drained');
});
