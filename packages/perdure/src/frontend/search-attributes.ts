/** Search attributes of a namespace: add, remove, list; and the check of those that a start sets. */
import { PREDEFINED_ATTRIBUTES, SYSTEM_ATTRIBUTES } from '../machines/search-attributes/names.js';
import { validateSearchAttributes } from '../machines/search-attributes/validate.js';
import { OperatorService, WorkflowService, type Encoded, type SearchAttributes } from '../protocol/index.js';
import type { Router } from '../transport/transport.js';
import type { ServedNamespace } from './namespace-registry.js';
import { invalidArgument } from './refusals.js';
import type { Rooms } from './rooms.js';
import { checkLength } from './validation.js';

export function addSearchAttributeHandlers(router: Router, { namespaces }: Rooms): void {
  router.add(OperatorService.AddSearchAttributes, async ({ namespace, searchAttributes }) => {
    const { limits } = namespaces.get(namespace);
    if (searchAttributes.size === 0) throw invalidArgument('SearchAttributes are not set on request.');
    for (const name of searchAttributes.keys()) checkLength('A search attribute', name, limits);
    await namespaces.addSearchAttributes(namespace, searchAttributes);
    return {};
  });

  router.add(OperatorService.RemoveSearchAttributes, async ({ namespace, searchAttributes }) => {
    namespaces.get(namespace);
    if (searchAttributes.length === 0) throw invalidArgument('SearchAttributes are not set on request.');
    await namespaces.removeSearchAttributes(namespace, searchAttributes);
    return {};
  });

  router.add(OperatorService.ListSearchAttributes, ({ namespace }) => ({
    customAttributes: new Map(namespaces.get(namespace).searchAttributes),
    systemAttributes: new Map([...SYSTEM_ATTRIBUTES, ...PREDEFINED_ATTRIBUTES]),
    storageSchema: new Map(),
  }));

  // Names no namespace: what all of them have, and what any of them has.
  router.add(WorkflowService.GetSearchAttributes, () => ({
    keys: new Map([...namespaces.list().flatMap((namespace) => [...namespace.searchAttributes]), ...SYSTEM_ATTRIBUTES, ...PREDEFINED_ATTRIBUTES]),
  }));
}

/** The search attributes of a start, with their types in them. @throws RpcError INVALID_ARGUMENT */
export function checkedSearchAttributes(
  attributes: Encoded<SearchAttributes> | undefined,
  { name, searchAttributes, limits }: ServedNamespace,
): Encoded<SearchAttributes> | undefined {
  if (attributes === undefined || attributes.byteLength === 0) return undefined;
  const validated = validateSearchAttributes(attributes, searchAttributes, limits, name, 'drop');
  if (validated.kind === 'invalid') throw invalidArgument(validated.message);
  return validated.searchAttributes;
}
