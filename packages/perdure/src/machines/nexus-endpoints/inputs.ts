/** What the registry of Nexus endpoints can be told. An input is answered with the endpoint that it is about, or refused. */
import type { EndpointSpec } from '../../protocol/index.js';
import type { MachineKey } from '../machine.js';

const NEXUS_ENDPOINTS_KIND = 'nexus-endpoints';

/** One machine for the whole server: endpoints belong to no namespace, and a name is taken once. */
export const NEXUS_ENDPOINTS: MachineKey = { kind: NEXUS_ENDPOINTS_KIND, namespace: '', key: 'endpoints' };

/** An address that workflows know by its name. */
export interface NexusEndpoint {
  readonly id: string;
  /** Counts the changes, from 1. */
  readonly version: number;
  readonly spec: EndpointSpec;
  readonly createdTimeMs: number;
  /** 0 until it is changed. */
  readonly lastModifiedTimeMs: number;
}

export interface NewEndpoint {
  readonly spec: EndpointSpec;
  /** How many there may be. */
  readonly most: number;
}

export type NexusEndpointsInput =
  /** CreateNexusEndpoint. The first one makes the machine. */
  | ({ readonly type: 'create' } & NewEndpoint)
  /** Internal: comes only as the successor of the first `create`. */
  | ({ readonly type: 'begin' } & NewEndpoint)
  /** UpdateNexusEndpoint. */
  | { readonly type: 'update'; readonly id: string; readonly version: number; readonly spec: EndpointSpec }
  /** DeleteNexusEndpoint. */
  | { readonly type: 'delete'; readonly id: string; readonly version: number };
