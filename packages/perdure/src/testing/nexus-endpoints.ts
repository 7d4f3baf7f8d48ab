/** Nexus endpoints of a test: names by which workflows reach the services of a worker. */
import { type Endpoint } from '../protocol/index.js';
import type { Connection } from '../sdk/client/index.js';

/** What an endpoint is changed and deleted by. */
export interface NexusEndpointIdentifier {
  readonly id: string;
  readonly version: number;
  /** As the server describes it. */
  readonly raw: Endpoint;
}

export async function createNexusEndpoint(connection: Connection, name: string, namespace: string, taskQueue: string): Promise<NexusEndpointIdentifier> {
  const { endpoint } = await connection.operatorService.createNexusEndpoint({ spec: { name, target: { worker: { namespace, taskQueue } } } });
  if (endpoint === undefined) throw new Error(`The server did not say what it made of the endpoint '${name}'.`);
  return { id: endpoint.id, version: endpoint.version, raw: endpoint };
}

export async function deleteNexusEndpoint(connection: Connection, { id, version }: Pick<NexusEndpointIdentifier, 'id' | 'version'>): Promise<void> {
  await connection.operatorService.deleteNexusEndpoint({ id, version });
}
