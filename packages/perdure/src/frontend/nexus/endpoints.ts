/** The RPCs of Nexus endpoints: create, update, delete, get, list. */
import type { NexusEndpoint } from '../../machines/nexus-endpoints/inputs.js';
import { EMPTY, OperatorService, Payload, Code, RpcError, type Endpoint, type EndpointSpec, type EndpointTarget, type Init } from '../../protocol/index.js';
import type { Router } from '../../transport/transport.js';
import { invalidArgument, notFound } from '../refusals.js';
import type { NamespaceLimits } from '../request-limits.js';
import type { Rooms } from '../rooms.js';
import { requiredTaskQueue } from '../validation.js';

const DEFAULT_PAGE = 100;
const MOST_PER_PAGE = 1000;
const NAME = /^[a-zA-Z][a-zA-Z0-9-]*[a-zA-Z0-9]$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function addNexusEndpointHandlers(router: Router, rooms: Rooms): void {
  const { nexusEndpoints: endpoints, namespaces } = rooms;

  router.add(OperatorService.CreateNexusEndpoint, async ({ spec }) => {
    const checked = checkSpec(rooms, spec);
    return { endpoint: shown(await endpoints.create(checked, namespaces.serverLimits.nexusEndpoints)) };
  });

  router.add(OperatorService.UpdateNexusEndpoint, async ({ id, version, spec }) => {
    return { endpoint: shown(await endpoints.update(id, version, checkSpec(rooms, spec))) };
  });

  router.add(OperatorService.DeleteNexusEndpoint, async ({ id, version }) => {
    if (id === '') throw invalidArgument('endpoint ID not set');
    if (version <= 0) throw invalidArgument('endpoint version is non-positive');
    await endpoints.delete(id, version);
    return {};
  });

  router.add(OperatorService.GetNexusEndpoint, ({ id }) => {
    if (id === '') throw invalidArgument('endpoint ID not set');
    if (!UUID.test(id)) throw invalidArgument(`malformed endpoint ID: "${id.slice(0, 100)}"`);
    const endpoint = endpoints.get(id);
    if (endpoint === undefined) throw notFound(`Nexus endpoint with ID \`${id}\` not found`);
    return { endpoint: shown(endpoint) };
  });

  router.add(OperatorService.ListNexusEndpoints, ({ pageSize, nextPageToken, name }) => {
    if (pageSize < 0) throw invalidArgument('page_size is negative');
    if (pageSize > MOST_PER_PAGE) throw invalidArgument(`page_size exceeds limit of ${MOST_PER_PAGE}`);
    if (name !== '') {
      const endpoint = endpoints.find(name);
      return { endpoints: endpoint === undefined ? [] : [shown(endpoint)] };
    }
    const after = Buffer.from(nextPageToken).toString();
    if (after !== '' && !UUID.test(after)) throw invalidArgument('The page token is invalid: send back the bytes that this server gave, unchanged.');
    const rest = endpoints.list().filter(({ id }) => id > after);
    const page = rest.slice(0, pageSize || DEFAULT_PAGE);
    const last = rest.length > page.length ? page.at(-1)?.id : undefined;
    return { endpoints: page.map(shown), nextPageToken: last === undefined ? EMPTY : Buffer.from(last) };
  });
}

/** @throws RpcError INVALID_ARGUMENT; FAILED_PRECONDITION the namespace of the target does not exist */
function checkSpec({ namespaces }: Rooms, spec: EndpointSpec | undefined): EndpointSpec {
  const { name = '', description, target } = spec ?? {};
  const limits = namespaces.serverLimits;
  const problems = [nameProblem(name, limits), descriptionProblem(description, limits), targetProblem(target, limits)].filter((problem) => problem !== undefined);
  if (spec === undefined || problems.length > 0) throw invalidArgument(problems.join(', '));
  if (target?.worker !== undefined && namespaces.find(target.worker.namespace) === undefined) {
    throw new RpcError(Code.FAILED_PRECONDITION, `could not verify namespace referenced by target exists: Namespace ${target.worker.namespace} is not found.`);
  }
  return spec;
}

function nameProblem(name: string, { nexusEndpointNameLengthBytes: limit }: NamespaceLimits): string | undefined {
  if (name === '') return 'endpoint name not set';
  if (Buffer.byteLength(name) > limit) return `endpoint name exceeds length limit of ${limit}`;
  return NAME.test(name) ? undefined : 'endpoint name must match the regex: "^[a-zA-Z][a-zA-Z0-9\\-]*[a-zA-Z0-9]$"';
}

function descriptionProblem(description: Payload | undefined, { nexusDescriptionSizeBytes: limit }: NamespaceLimits): string | undefined {
  return description !== undefined && Payload.encode(description).byteLength > limit ? `description size exceeds limit of ${limit}` : undefined;
}

function targetProblem(target: EndpointTarget | undefined, limits: NamespaceLimits): string | undefined {
  if (target?.worker !== undefined) {
    const { namespace, taskQueue } = target.worker;
    if (namespace === '') return 'target namespace not set';
    try {
      requiredTaskQueue({ name: taskQueue, kind: 0, normalName: '' }, limits);
    } catch (error) {
      return `invalid target task queue: "${error instanceof Error ? error.message : String(error)}"`;
    }
    return undefined;
  }
  if (target?.external === undefined) return 'empty target variant';
  return urlProblem(target.external.url, limits);
}

function urlProblem(text: string, { nexusEndpointUrlLengthBytes: limit }: NamespaceLimits): string | undefined {
  if (text === '') return 'empty target URL';
  if (Buffer.byteLength(text) > limit) return `target URL length exceeds limit of ${limit}`;
  if (!URL.canParse(text)) return `invalid target URL: "${text.slice(0, 200)}" cannot be read`;
  const { protocol } = new URL(text);
  return protocol === 'http:' || protocol === 'https:' ? undefined : `invalid target URL scheme: "${protocol.slice(0, -1)}", expected http or https`;
}

function shown({ id, version, spec, createdTimeMs, lastModifiedTimeMs }: NexusEndpoint): Init<Endpoint> {
  return { id, version, spec, createdTime: createdTimeMs, lastModifiedTime: lastModifiedTimeMs || undefined, urlPrefix: `/nexus/endpoints/${id}/services` };
}
