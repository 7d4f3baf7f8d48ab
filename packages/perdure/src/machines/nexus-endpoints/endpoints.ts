/**
 * The registry of Nexus endpoints as a machine: ids and names of all endpoints of the server, each name once.
 *
 * One machine holds all, because names must be unique among them and an endpoint may take another name. A record holds what changed, so
 * a change costs the same however many endpoints there are. Endpoints are few and small; their number is bounded. The registry owes nothing
 * and never ends. The frontend keeps a copy that every request to a handler looks into (`frontend/nexus/endpoint-registry.ts`).
 */
import { Code, EndpointSpec, NexusEndpointRecord, NexusEndpointsRecord, NotFoundFailure, RpcError } from '../../protocol/index.js';
import type { HostInput, Machine, Moment, Outcome } from '../machine.js';
import { NEXUS_ENDPOINTS, type NewEndpoint, type NexusEndpoint, type NexusEndpointsInput } from './inputs.js';

/** By id. */
export type NexusEndpointsState = Map<string, NexusEndpoint>;

type EndpointsOutcome = Outcome<NexusEndpointsState | undefined, NexusEndpoint>;

function transition(state: NexusEndpointsState | undefined, input: NexusEndpointsInput | HostInput, at: Moment): EndpointsOutcome {
  switch (input.type) {
    case 'create':
      return state === undefined ? begin(input, at) : create(state, input, at);
    case 'begin':
      return create(state ?? new Map(), input, at);
    case 'update':
      return state === undefined ? refused(state, notFound('updating', input.id)) : update(state, input, at);
    case 'delete':
      return state === undefined ? refused(state, notFound('deleting', input.id)) : remove(state, input);
    case 'wake':
    case 'dispatch':
    case 'sticky-unavailable':
    case 'delivered':
      return refused(state, WAITS_FOR_NOTHING);
    default:
      return input satisfies never;
  }
}

const WAITS_FOR_NOTHING = new RpcError(Code.NOT_FOUND, 'The registry of Nexus endpoints waits for nothing.');

function begin({ spec, most }: NewEndpoint, at: Moment): EndpointsOutcome {
  const input = { type: 'begin', spec, most } satisfies NexusEndpointsInput;
  return { ...refused(undefined, WAITS_FOR_NOTHING), successor: { machine: at.newId(), input, answers: true } };
}

function create(state: NexusEndpointsState, { spec, most }: NewEndpoint, at: Moment): EndpointsOutcome {
  const taken = nameTaken(state, spec.name);
  if (taken !== undefined) return refused(state, taken);
  if (state.size >= most) return refused(state, new RpcError(Code.RESOURCE_EXHAUSTED, `There are ${most} Nexus endpoints, which is the limit.`));
  return changed(state, { id: at.newId(), version: 1, spec: copy(spec), createdTimeMs: Math.floor(at.now), lastModifiedTimeMs: 0 });
}

function update(state: NexusEndpointsState, { id, version, spec }: Extract<NexusEndpointsInput, { type: 'update' }>, at: Moment): EndpointsOutcome {
  const endpoint = state.get(id);
  if (endpoint === undefined) return refused(state, notFound('updating', id));
  const problem = versionProblem(endpoint, version) ?? nameTaken(state, spec.name, id);
  if (problem !== undefined) return refused(state, problem);
  return changed(state, { ...endpoint, version: version + 1, spec: copy(spec), lastModifiedTimeMs: Math.floor(at.now) });
}

function remove(state: NexusEndpointsState, { id, version }: Extract<NexusEndpointsInput, { type: 'delete' }>): EndpointsOutcome {
  const endpoint = state.get(id);
  if (endpoint === undefined) return refused(state, notFound('deleting', id));
  const problem = versionProblem(endpoint, version);
  if (problem !== undefined) return refused(state, problem);
  state.delete(id);
  return { state, record: { private: NexusEndpointsRecord.encode({ endpoints: [{ id, isDeleted: true }] }) }, reply: endpoint, touched: [] };
}

function nameTaken(state: NexusEndpointsState, name: string, byOtherThan = ''): RpcError | undefined {
  for (const endpoint of state.values()) {
    if (endpoint.spec.name === name && endpoint.id !== byOtherThan) {
      return new RpcError(Code.ALREADY_EXISTS, `error creating Nexus endpoint. Endpoint with name ${name} already registered`);
    }
  }
  return undefined;
}

/** Two operators who change the same endpoint must not undo what the other did without knowing it. */
function versionProblem(endpoint: NexusEndpoint, version: number): RpcError | undefined {
  if (endpoint.version === version) return undefined;
  return new RpcError(Code.FAILED_PRECONDITION, `nexus endpoint version mismatch. received: ${version} expected ${endpoint.version}`);
}

function notFound(doing: 'updating' | 'deleting', id: string): RpcError {
  return RpcError.with(Code.NOT_FOUND, `error ${doing} Nexus endpoint. endpoint ID ${id} not found`, NotFoundFailure, {});
}

const refused = (state: NexusEndpointsState | undefined, reply: RpcError): EndpointsOutcome => ({ state, reply, touched: [] });

function changed(state: NexusEndpointsState, endpoint: NexusEndpoint): EndpointsOutcome {
  state.set(endpoint.id, endpoint);
  return { state, record: { private: NexusEndpointsRecord.encode({ endpoints: [{ ...endpoint, isDeleted: false }] }) }, reply: endpoint, touched: [] };
}

/** What comes in may be a view into a buffer that is reused. */
function copy(spec: EndpointSpec): EndpointSpec {
  return EndpointSpec.decode(EndpointSpec.encode(spec));
}

function fold(state: NexusEndpointsState, bytes: Uint8Array): NexusEndpointsState {
  for (const { isDeleted, spec, ...endpoint } of NexusEndpointsRecord.decode(new Uint8Array(bytes)).endpoints) {
    if (isDeleted) state.delete(endpoint.id);
    else state.set(endpoint.id, { ...endpoint, spec: spec ?? EndpointSpec.create({}) });
  }
  return state;
}

export const nexusEndpointsMachine: Machine<NexusEndpointsState, NexusEndpointsInput, NexusEndpoint> = {
  kind: NEXUS_ENDPOINTS.kind,
  transition,
  fold(state, record) {
    if (record.private === undefined) throw new Error('A record of the Nexus endpoints holds no endpoint.');
    return fold(state ?? new Map(), record.private);
  },
  snapshot: (state) => NexusEndpointsRecord.encode({ endpoints: [...state.values()].map((endpoint) => NexusEndpointRecord.create(endpoint)) }),
  restore: (bytes) => fold(new Map(), bytes),
  debtKeys: () => [],
  debt: () => undefined,
  isOpen: () => true,
  sizeBytes: (state) => 400 + 2000 * state.size,
};
