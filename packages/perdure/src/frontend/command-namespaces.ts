/**
 * The namespaces that the commands of a workflow task name: commands have names, machines are found by ids.
 *
 * Looked up before the completion is decided, so that the machine stays pure. A name that does not exist refuses the request and leaves
 * the workflow task with its worker.
 */
import type { Command } from '../protocol/index.js';
import type { NamespaceRegistry } from './namespace-registry.js';

/**
 * Ids by name of the namespaces other than the run's own; `undefined` if no command names one.
 * @throws RpcError NOT_FOUND if a namespace does not exist
 */
export function commandNamespaces(commands: readonly Command[], ownName: string, namespaces: NamespaceRegistry): ReadonlyMap<string, string> | undefined {
  let ids: Map<string, string> | undefined;
  for (const command of commands) {
    const name = namespaceOf(command);
    if (name === '' || name === ownName || ids?.has(name)) continue;
    (ids ??= new Map()).set(name, namespaces.get(name).id);
  }
  return ids;
}

function namespaceOf(command: Command): string {
  const attributes =
    command.startChildWorkflowExecutionCommandAttributes ??
    command.signalExternalWorkflowExecutionCommandAttributes ??
    command.requestCancelExternalWorkflowExecutionCommandAttributes;
  return attributes?.namespace ?? '';
}
