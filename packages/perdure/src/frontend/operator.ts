/**
 * What operators do to the server as a whole: delete a namespace, look at the cluster. (Search attributes: `search-attributes.ts`.)
 *
 * A server is one cluster, which knows no other: what concerns remote clusters is refused.
 */
import { Code, OperatorService, RpcError } from '../protocol/index.js';
import type { Router } from '../transport/transport.js';
import { CLUSTER_NAME } from './capabilities.js';
import { invalidArgument, notFound } from './refusals.js';
import type { Rooms } from './rooms.js';
import { checkDuration } from './validation.js';

export function addOperatorHandlers(router: Router, { namespaces, clusterId }: Rooms): void {
  router.add(OperatorService.DeleteNamespace, async ({ namespace: name, namespaceId: id, namespaceDeleteDelay: delayMs }) => {
    if (name === '' && id === '') throw invalidArgument('Namespace not set on request.');
    if (name !== '' && id !== '') throw invalidArgument('Set either the namespace or its id on the request, not both.');
    checkDuration('NamespaceDeleteDelay', delayMs);
    const deleted = await namespaces.delete(name === '' ? { id } : { name }, delayMs ?? 0);
    return { deletedNamespace: deleted.name };
  });

  router.add(OperatorService.ListClusters, () => ({
    clusters: [{ clusterName: CLUSTER_NAME, clusterId, initialFailoverVersion: 1, historyShardCount: 1, isConnectionEnabled: true }],
  }));

  router.add(OperatorService.AddOrUpdateRemoteCluster, () => {
    throw new RpcError(Code.FAILED_PRECONDITION, 'This server is a cluster of its own: it does not connect to remote clusters.');
  });

  router.add(OperatorService.RemoveRemoteCluster, ({ clusterName }) => {
    if (clusterName === CLUSTER_NAME) throw invalidArgument(`The cluster ${CLUSTER_NAME} is this server itself, which cannot be removed.`);
    throw notFound(`There is no remote cluster ${clusterName}.`);
  });
}
