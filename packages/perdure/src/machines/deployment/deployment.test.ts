/** A deployment says where tasks go: a change that is taken half, twice, or from somebody who may not make it, sends runs to the wrong code. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, Payload, RpcError, VersionDrainageStatus, WorkerDeploymentVersionStatus } from '../../protocol/index.js';
import type { HostInput } from '../machine.js';
import { conflictToken, deploymentKey, deploymentMachine as machine, describeDeployment, type DeploymentInput, type DeploymentReply, type DeploymentState, type SetCurrentInput, type SetRampingInput } from './index.js';

const LIMITS = { versions: 3, queuesOfVersion: 2 };
const GRACE_MS = 1_000;
const REFRESH_MS = 500;

/** One deployment by hand. After every transition its journal and its snapshot give its state again. */
class Play {
  now = 1_000_000;
  state: DeploymentState | undefined;
  #folded: DeploymentState | undefined;

  send(input: DeploymentInput | HostInput): DeploymentReply | RpcError {
    const outcome = machine.transition(this.state, input, { now: this.now, newId: () => 'id' }, { ...deploymentKey('n', 'shop'), machine: 'incarnation' });
    assert.equal(outcome.successor, undefined);
    if (outcome.record !== undefined) this.#folded = machine.fold(this.#folded, outcome.record);
    this.state = outcome.state;
    if (this.state !== undefined) {
      assert.deepEqual(this.#folded?.data, this.state.data);
      assert.deepEqual(machine.restore(machine.snapshot(this.state)).data, this.state.data);
    }
    return outcome.reply;
  }

  register(buildId: string, name = 'orders', unpolled: readonly string[] = []): DeploymentReply | RpcError {
    return this.send({ type: 'register', buildId, queue: { type: 'workflow', name }, limits: LIMITS, unpolled });
  }

  current(buildId: string, more: Partial<SetCurrentInput> = {}): DeploymentReply | RpcError {
    return this.send({ type: 'set-current', ...this.#route(buildId), ...more });
  }

  ramp(buildId: string, percentage: number, more: Partial<SetRampingInput> = {}): DeploymentReply | RpcError {
    return this.send({ type: 'set-ramping', ...this.#route(buildId), percentage, ...more });
  }

  #route(buildId: string) {
    return { buildId, conflictToken: new Uint8Array(), identity: 'ada', ignoreMissingQueues: false, allowNoPollers: false, busyQueues: new Set<string>(), limits: LIMITS, drainageGraceMs: GRACE_MS, drainageRefreshMs: REFRESH_MS };
  }

  get live(): DeploymentState {
    assert.ok(this.state);
    return this.state;
  }

  /** The latest version first. */
  get statuses(): (WorkerDeploymentVersionStatus | undefined)[] {
    return (describeDeployment(this.live).versionSummaries ?? []).map(({ status }) => status);
  }

  debts() {
    return [...machine.debtKeys(this.live)].map((key) => machine.debt(this.live, key));
  }
}

function refusal(reply: DeploymentReply | RpcError): string {
  assert.ok(reply instanceof RpcError, 'it is refused');
  return `${reply.code} ${reply.message}`;
}

function done(reply: DeploymentReply | RpcError): DeploymentReply {
  if (reply instanceof RpcError) throw reply;
  return reply;
}

const { CREATED, CURRENT, DRAINED, DRAINING, INACTIVE, RAMPING } = WorkerDeploymentVersionStatus;

test('a poll makes the deployment, the version and the queue; the same poll again writes nothing', () => {
  const play = new Play();
  done(play.register('1'));
  assert.deepEqual(play.statuses, [INACTIVE]);
  const before = machine.snapshot(play.live);
  done(play.register('1'));
  assert.deepEqual(machine.snapshot(play.live), before);
  done(play.register('1', 'more'));
  assert.equal(refusal(play.register('1', 'one too many')).split(' ')[0], `${Code.RESOURCE_EXHAUSTED}`);
});

test('a version becomes current, ramps and ceases; what changes nothing is answered and writes nothing', () => {
  const play = new Play();
  for (const buildId of ['1', '2']) done(play.register(buildId));
  assert.equal(done(play.current('1')).previousVersion, '__unversioned__');
  assert.equal(done(play.ramp('2', 20)).previousVersion, '');
  assert.deepEqual(play.statuses, [RAMPING, CURRENT]);
  const { revisionNumber } = play.live.routing;
  assert.deepEqual([done(play.ramp('2', 20)).previousPercentage, done(play.current('1')).previousVersion, play.live.routing.revisionNumber], [20, 'shop.1', revisionNumber]);
  assert.match(refusal(play.ramp('1', 5)), /^9 requested ramping version shop\.1 is already current$/);
  // What ramps becomes current: nothing ramps any more, and the old one drains.
  done(play.current('2'));
  assert.deepEqual(play.statuses, [CURRENT, DRAINING]);
  assert.deepEqual([play.live.routing.rampingVersion, play.live.routing.rampingVersionPercentage], ['', 0]);
  assert.equal(done(play.ramp('', 30)).previousVersion, '');
  assert.equal(play.live.routing.rampingVersion, '__unversioned__');
  done(play.ramp('', 0));
  done(play.current(''));
  assert.deepEqual(play.statuses, [DRAINING, DRAINING]);
});

test('an unknown version is refused, or made if that is wanted; what is refused makes nothing', () => {
  const play = new Play();
  assert.match(refusal(play.current('1')), /^5 no Worker Deployment found with name 'shop'/);
  assert.equal(play.state, undefined);
  done(play.current('1', { allowNoPollers: true }));
  assert.deepEqual(play.statuses, [CURRENT]);
  assert.equal(refusal(play.current('2')), "5 build ID '2' not found in Worker Deployment 'shop'");
});

test('a conflict token fits until somebody changes the routing, and only the manager may', () => {
  const play = new Play();
  for (const buildId of ['1', '2']) done(play.register(buildId));
  const token = conflictToken(play.live);
  assert.notDeepEqual(done(play.current('1', { conflictToken: token })).conflictToken, token);
  assert.equal(refusal(play.current('2', { conflictToken: token })), '9 conflict token mismatch');
  done(play.send({ type: 'set-manager', manager: 'bob', conflictToken: new Uint8Array(), identity: 'ada' }));
  assert.match(refusal(play.current('2')), /^9 ManagerIdentity 'bob' is set and does not match user identity 'ada'/);
  done(play.current('2', { identity: 'bob' }));
});

test('a version without a queue on which something happens is refused, unless that is ignored', () => {
  const play = new Play();
  done(play.register('1', 'orders'));
  done(play.register('2', 'other'));
  done(play.current('1'));
  const busyQueues = new Set(['workflow/orders']);
  assert.match(refusal(play.current('2', { busyQueues })), /^9 proposed current version 'shop:2' is missing active task queues/);
  assert.match(refusal(play.ramp('2', 1, { busyQueues })), /^9 proposed ramping version 'shop:2'/);
  done(play.current('2', { busyQueues: new Set(['workflow/other']) }));
  done(play.current('1'));
  assert.match(refusal(play.ramp('3', 1, { busyQueues, allowNoPollers: true })), /^9 /);
  assert.equal(play.live.version('3'), undefined, 'what is refused makes nothing');
  done(play.current('2', { busyQueues, ignoreMissingQueues: true }));
});

test('a version that gets no tasks any more is drained once a count finds no run pinned to it', () => {
  const play = new Play();
  for (const buildId of ['1', '2']) done(play.register(buildId));
  done(play.current('1'));
  done(play.current('2'));
  assert.deepEqual(play.debts(), [{ wakeAt: play.now + GRACE_MS }]);
  play.send({ type: 'wake' });
  assert.deepEqual(play.debts(), [{ wakeAt: play.now + GRACE_MS }], 'not before its time');
  play.now += GRACE_MS;
  play.send({ type: 'wake' });
  const [debt] = play.debts();
  assert.deepEqual(debt?.message?.input, { namespace: 'n', version: 'shop:1' });
  const answer = (reply: unknown) => play.send({ type: 'delivered', answers: [{ key: 'drainage:1', reply }] });
  answer(2);
  assert.deepEqual(play.debts(), [{ wakeAt: play.now + REFRESH_MS }]);
  answer(0);
  assert.deepEqual(play.statuses, [CURRENT, DRAINING], 'an answer to a question of before says nothing');
  play.now += REFRESH_MS;
  play.send({ type: 'wake' });
  answer(0);
  assert.deepEqual(play.statuses, [CURRENT, DRAINED]);
  assert.deepEqual(play.debts(), []);
  // A run is pinned to it after all; and then it is current again.
  done(play.send({ type: 'revive', buildId: '1' }));
  assert.deepEqual(play.statuses, [CURRENT, DRAINING]);
  done(play.current('1'));
  assert.equal(play.live.version('1')?.drainage, VersionDrainageStatus.UNSPECIFIED);
});

test('what cannot be counted is counted again later', () => {
  const play = new Play();
  done(play.register('1'));
  done(play.current('1'));
  done(play.current(''));
  play.now += GRACE_MS;
  play.send({ type: 'wake' });
  play.send({ type: 'delivered', answers: [{ key: 'drainage:1', reply: new RpcError(Code.INTERNAL, 'broken') }] });
  assert.deepEqual(play.debts(), [{ wakeAt: play.now + REFRESH_MS }]);
});

test('versions are deleted when nobody needs them, and make room for new ones by themselves', () => {
  const play = new Play();
  for (const buildId of ['1', '2', '3']) done(play.register(buildId));
  done(play.current('1'));
  done(play.ramp('2', 1));
  const remove = (buildId: string, more: object = {}) => play.send({ type: 'delete-version', buildId, skipDrainage: false, hasPollers: false, identity: 'ada', ...more });
  assert.match(refusal(remove('1')), /it is current or ramping$/);
  assert.match(refusal(remove('3', { hasPollers: true })), /it has active pollers$/);
  assert.match(refusal(play.register('4')), /^8 The Worker Deployment 'shop' has 3 versions/);
  assert.match(refusal(play.register('4', 'orders', ['1', '2'])), /^8 /);
  done(play.register('4', 'orders', ['1', '2', '3']));
  assert.deepEqual(play.statuses, [INACTIVE, RAMPING, CURRENT]);
  done(play.ramp('', 0));
  assert.match(refusal(remove('2')), /it is draining$/);
  done(remove('2', { skipDrainage: true }));
  done(remove('2'));
  assert.equal(refusal(play.send({ type: 'delete-deployment', identity: 'ada' })), "9 deployment has versions, can't be deleted");
});

test('a deployment by hand: the same request again is answered the same way, another one is refused; deleted it owes nothing else', () => {
  const play = new Play();
  const create = (requestId: string) => play.send({ type: 'create', identity: 'ada', requestId });
  assert.deepEqual(done(create('one')).conflictToken, done(create('one')).conflictToken);
  assert.match(refusal(create('two')), /^6 /);
  assert.match(refusal(create('')), /^6 /);
  const version = (requestId: string) => play.send({ type: 'create-version', buildId: '1', identity: 'ada', requestId, limits: LIMITS });
  done(version('one'));
  done(version('one'));
  assert.match(refusal(version('two')), /^6 /);
  assert.deepEqual(play.statuses, [CREATED]);
  const entry = Payload.create({ metadata: {}, data: Buffer.from('x') });
  const { metadata } = done(play.send({ type: 'update-metadata', buildId: '1', upserted: new Map([['a', entry], ['b', entry]]), removed: ['b'], identity: 'ada' }));
  assert.deepEqual([...(metadata?.entries.keys() ?? [])], ['a']);
  done(play.send({ type: 'delete-version', buildId: '1', skipDrainage: false, hasPollers: false, identity: 'ada' }));
  done(play.send({ type: 'delete-deployment', identity: 'ada' }));
  assert.equal(machine.isDeleted?.(play.live), true);
  assert.deepEqual(play.debts(), [{ deletion: true }]);
  assert.equal(machine.transition(undefined, { type: 'delete' }, { now: 0, newId: () => '' }, { ...deploymentKey('n', 'shop'), machine: 'i' }).record, undefined);
});
