/** Changing what lists and descriptions show of the execution. */
import { ValueError } from '../common/errors.js';
import { mapToPayloads } from '../common/payload-converter.js';
import { encodeSearchAttributes, encodeSearchAttributeUpdates, updatedSearchAttributes, type SearchAttributes, type SearchAttributeUpdatePair } from '../common/search-attributes.js';
import { currentRun } from './current-run.js';
import { callSite } from './workflow-run.js';

/** Sets search attributes; others keep their values. An empty list removes an attribute. @throws ValueError when nothing is given. */
export function upsertSearchAttributes(searchAttributes: SearchAttributes | SearchAttributeUpdatePair[]): void {
  const run = currentRun('upsertSearchAttributes');
  const updates = Array.isArray(searchAttributes);
  const fields = updates ? encodeSearchAttributeUpdates(searchAttributes) : encodeSearchAttributes(searchAttributes, undefined);
  if (fields === undefined || fields.size === 0) throw new ValueError('upsertSearchAttributes needs at least one attribute.');
  run.push({ kind: 'upsert-search-attributes', fields, site: callSite(upsertSearchAttributes) });
  run.info.searchAttributeFields = updatedSearchAttributes(run.info.searchAttributeFields, fields);
}

/** Sets memo fields; others keep their values. null removes a field. @throws ValueError when nothing is given. */
export function upsertMemo(memo: Readonly<Record<string, unknown>>): void {
  const run = currentRun('upsertMemo');
  const fields = mapToPayloads(run.payloadConverter, memo);
  if (fields.size === 0) throw new ValueError('upsertMemo needs at least one field.');
  run.push({ kind: 'upsert-memo', fields, site: callSite(upsertMemo) });
  const changed: Record<string, unknown> = { ...run.info.memo, ...memo };
  for (const name of Object.keys(memo)) if (memo[name] === null) delete changed[name];
  run.info.memo = changed;
}
