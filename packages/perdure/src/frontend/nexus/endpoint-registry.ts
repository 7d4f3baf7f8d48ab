/**
 * The Nexus endpoints, in memory: commands name them, and every request to a handler looks one up by its id.
 *
 * Authoritative is the machine `machines/nexus-endpoints`; this is a copy, loaded at start and kept up to date by the only writer, the
 * frontend of the same engine.
 */
import type { Host } from '../../host/host.js';
import type { NexusEndpointsState } from '../../machines/nexus-endpoints/endpoints.js';
import { NEXUS_ENDPOINTS, type NexusEndpoint, type NexusEndpointsInput } from '../../machines/nexus-endpoints/inputs.js';
import type { Command, EndpointSpec } from '../../protocol/index.js';

export class EndpointRegistry {
  readonly #host: Pick<Host, 'read' | 'send'>;
  #byId: ReadonlyMap<string, NexusEndpoint> = new Map();
  #byName: ReadonlyMap<string, NexusEndpoint> = new Map();

  constructor(host: Pick<Host, 'read' | 'send'>) {
    this.#host = host;
  }

  /** Called once, before the first request; and after each change. What holds is read from the machine: two changes may be answered out of order. */
  async load(): Promise<void> {
    const endpoints = await this.#host.read(NEXUS_ENDPOINTS, (state: NexusEndpointsState | undefined) => [...(state?.values() ?? [])]);
    this.#byId = new Map(endpoints.map((endpoint) => [endpoint.id, endpoint]));
    this.#byName = new Map(endpoints.map((endpoint) => [endpoint.spec.name, endpoint]));
  }

  get(id: string): NexusEndpoint | undefined {
    return this.#byId.get(id);
  }

  find(name: string): NexusEndpoint | undefined {
    return this.#byName.get(name);
  }

  /** In the order of their ids. */
  list(): NexusEndpoint[] {
    return [...this.#byId.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
  }

  /** @throws RpcError ALREADY_EXISTS the name is taken; RESOURCE_EXHAUSTED there are too many */
  create(spec: EndpointSpec, most: number): Promise<NexusEndpoint> {
    return this.#tell({ type: 'create', spec, most });
  }

  /** @throws RpcError NOT_FOUND; FAILED_PRECONDITION the version is not the current one; ALREADY_EXISTS the name is taken */
  update(id: string, version: number, spec: EndpointSpec): Promise<NexusEndpoint> {
    return this.#tell({ type: 'update', id, version, spec });
  }

  /** @throws RpcError NOT_FOUND; FAILED_PRECONDITION the version is not the current one */
  async delete(id: string, version: number): Promise<void> {
    await this.#tell({ type: 'delete', id, version });
  }

  /** Ids by name of the endpoints that commands name; `undefined` if none does. A name that does not exist is left out. */
  ofCommands(commands: readonly Command[]): ReadonlyMap<string, string> | undefined {
    let ids: Map<string, string> | undefined;
    for (const { scheduleNexusOperationCommandAttributes: attributes } of commands) {
      const endpoint = attributes && this.#byName.get(attributes.endpoint);
      if (endpoint !== undefined) (ids ??= new Map()).set(endpoint.spec.name, endpoint.id);
    }
    return ids;
  }

  async #tell(input: NexusEndpointsInput): Promise<NexusEndpoint> {
    const endpoint = await this.#host.send<NexusEndpoint>(NEXUS_ENDPOINTS, input);
    await this.load();
    return endpoint;
  }
}
