/** What a worker deployment can be told, and what it answers. The frontend checks what clients send before it gets here. */
import type { Payload, VersionMetadata } from '../../protocol/index.js';
import type { MachineKey, TaskQueueAddress } from '../machine.js';

/** `kind` of the machine and of its key: the name of the deployment. */
export const DEPLOYMENT_KIND = 'deployment';

/** A queue that workers of a version poll. */
export interface VersionQueue {
  readonly name: string;
  readonly type: TaskQueueAddress['type'];
}

export interface DeploymentLimits {
  readonly versions: number;
  readonly queuesOfVersion: number;
}

/** A worker of this version polls this queue. The first poll makes the deployment and the version. */
export interface RegisterInput {
  readonly type: 'register';
  readonly buildId: string;
  readonly queue: VersionQueue;
  readonly limits: DeploymentLimits;
  /** Builds that nobody polls for: where there are too many versions, a drained one of them makes room. */
  readonly unpolled: readonly string[];
}

export interface CreateDeploymentInput {
  readonly type: 'create';
  readonly identity: string;
  readonly requestId: string;
}

export interface CreateVersionInput {
  readonly type: 'create-version';
  readonly buildId: string;
  readonly identity: string;
  readonly requestId: string;
  readonly limits: DeploymentLimits;
}

/** Common to the two that change where tasks go. */
interface RouteInput {
  /** Empty: workers without a version. */
  readonly buildId: string;
  /** Empty: whatever has changed meanwhile. */
  readonly conflictToken: Uint8Array;
  readonly identity: string;
  readonly ignoreMissingQueues: boolean;
  /** The version need not exist: it is made, and so is the deployment. */
  readonly allowNoPollers: boolean;
  /** Queues of the current version on which something happens ({@link queueKey}): another version has to have them. */
  readonly busyQueues: ReadonlySet<string>;
  readonly limits: DeploymentLimits;
  /** How long a version without tasks rests before it is looked whether it is drained. */
  readonly drainageGraceMs: number;
  /** And between two looks. */
  readonly drainageRefreshMs: number;
}

export interface SetCurrentInput extends RouteInput {
  readonly type: 'set-current';
}

/** No build and 0 percent: there is no ramping version any more. */
export interface SetRampingInput extends RouteInput {
  readonly type: 'set-ramping';
  /** 0 to 100. */
  readonly percentage: number;
}

export interface SetManagerInput {
  readonly type: 'set-manager';
  /** Empty: nobody. */
  readonly manager: string;
  readonly conflictToken: Uint8Array;
  readonly identity: string;
}

export interface UpdateMetadataInput {
  readonly type: 'update-metadata';
  readonly buildId: string;
  readonly upserted: ReadonlyMap<string, Payload>;
  readonly removed: readonly string[];
  readonly identity: string;
}

export interface DeleteVersionInput {
  readonly type: 'delete-version';
  readonly buildId: string;
  readonly skipDrainage: boolean;
  readonly hasPollers: boolean;
  readonly identity: string;
}

export interface DeleteDeploymentInput {
  readonly type: 'delete-deployment';
  readonly identity: string;
}

/** A run is pinned to a version, which may have been drained. */
export interface ReviveInput {
  readonly type: 'revive';
  readonly buildId: string;
}

/** Its namespace is deleted. */
export interface ForgetInput {
  readonly type: 'delete';
}

export type DeploymentInput =
  | RegisterInput
  | CreateDeploymentInput
  | CreateVersionInput
  | SetCurrentInput
  | SetRampingInput
  | SetManagerInput
  | UpdateMetadataInput
  | DeleteVersionInput
  | DeleteDeploymentInput
  | ReviveInput
  | ForgetInput;

/** Answers every input. */
export interface DeploymentReply {
  readonly kind: 'deployment';
  /** Fits as long as nobody changes the routing or the manager. */
  readonly conflictToken: Uint8Array;
  /** Of a change of the routing: as it was before, as clients write it (`deployment.build`); empty: none. */
  readonly previousVersion?: string | undefined;
  readonly previousPercentage?: number | undefined;
  /** Of a change of the manager. */
  readonly previousManager?: string | undefined;
  /** Of a change of metadata: as it is afterwards. */
  readonly metadata?: VersionMetadata | undefined;
}

/** @param namespace its id */
export function deploymentKey(namespace: string, name: string): MachineKey {
  return { kind: DEPLOYMENT_KIND, namespace, key: name };
}

export function queueKey({ type, name }: VersionQueue): string {
  return `${type}/${name}`;
}

/** The queue that such a key names. */
export function queueOfKey(key: string): VersionQueue {
  const slash = key.indexOf('/');
  const type = key.slice(0, slash);
  return { type: type === 'workflow' || type === 'nexus' ? type : 'activity', name: key.slice(slash + 1) };
}

/** `kind` of the courier that counts the runs pinned to a version. */
export const PINNED_RUNS_KIND = 'pinned-runs';

/** What it is asked. It answers with a number. */
export interface PinnedRunsRequest {
  /** Id of the namespace. */
  readonly namespace: string;
  /** `deployment:build`. */
  readonly version: string;
}
