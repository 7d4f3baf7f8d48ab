/**
 * Memo and search attributes: UPSERT_WORKFLOW_SEARCH_ATTRIBUTES and MODIFY_WORKFLOW_PROPERTIES merge into what the run has.
 *
 * The state keeps the merged values, encoded: they are decoded only when something is merged. A null value deletes its key.
 */
import { EventType, Memo, SearchAttributes, WorkflowTaskFailedCause } from '../../protocol/index.js';
import type { Command, Encoded, HistoryEvent, Payload } from '../../protocol/index.js';
import { commandExtras } from './tasks/command-plan.js';
import type { CommandFault, CommandPlan } from './tasks/command-plan.js';
import { validateSearchAttributes } from '../search-attributes/validate.js';
import { must } from './state.js';
import type { WorkflowState } from './state.js';

export function planUpsertSearchAttributes(plan: CommandPlan, command: Command): CommandFault | undefined {
  const cause = WorkflowTaskFailedCause.BAD_SEARCH_ATTRIBUTES;
  const upserted = command.upsertWorkflowSearchAttributesCommandAttributes?.searchAttributes;
  if (upserted === undefined || upserted.byteLength === 0) return { cause, message: 'IndexedFields is not set on UpsertWorkflowSearchAttributesCommand.' };
  const checked = checkSearchAttributes(plan, upserted, 'keep');
  if (checked.fault !== undefined) return checked.fault;
  const searchAttributes = checked.searchAttributes ?? upserted;
  const total = searchAttributes.byteLength + (plan.state.run.searchAttributes?.byteLength ?? 0);
  const limit = plan.limits.searchAttributesSizeBytes;
  if (total > limit) {
    const merged = mergeSearchAttributes(plan.state.run.searchAttributes, searchAttributes).byteLength;
    if (merged > limit) return { cause, message: `the search attributes take ${merged} bytes: the limit is ${limit}`, terminates: true };
  }
  plan.steps.push(({ draft, completedEventId }) => {
    draft.emit(
      EventType.UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
      { upsertWorkflowSearchAttributesEventAttributes: { searchAttributes, workflowTaskCompletedEventId: completedEventId } },
      commandExtras(command),
    );
  });
  return undefined;
}

export type CheckedSearchAttributes =
  | { readonly fault: CommandFault; readonly searchAttributes?: undefined }
  | { readonly fault?: undefined; readonly searchAttributes: Encoded<SearchAttributes> | undefined };

/** What a command sets, with types in it; or the fault. Values that are only too large end the run. */
export function checkSearchAttributes(
  { searchAttributeTypes, limits, state }: CommandPlan,
  attributes: Encoded<SearchAttributes> | undefined,
  unset: 'drop' | 'keep',
): CheckedSearchAttributes {
  if (attributes === undefined || searchAttributeTypes === undefined) return { searchAttributes: attributes };
  const validated = validateSearchAttributes(attributes, searchAttributeTypes, limits, state.run.namespace, unset);
  if (validated.kind === 'valid') return { searchAttributes: validated.searchAttributes };
  return { fault: { cause: WorkflowTaskFailedCause.BAD_SEARCH_ATTRIBUTES, message: validated.message, terminates: validated.tooLarge } };
}

export function planModifyProperties(plan: CommandPlan, command: Command): CommandFault | undefined {
  const cause = WorkflowTaskFailedCause.BAD_MODIFY_WORKFLOW_PROPERTIES_ATTRIBUTES;
  const upsertedMemo = command.modifyWorkflowPropertiesCommandAttributes?.upsertedMemo;
  if (upsertedMemo === undefined || upsertedMemo.byteLength === 0) return { cause, message: 'no memo is set' };
  const limit = plan.limits.memoSizeBytes;
  if (upsertedMemo.byteLength + (plan.state.run.memo?.byteLength ?? 0) > limit) {
    const merged = mergeMemo(plan.state.run.memo, upsertedMemo).byteLength;
    if (merged > limit) return { cause, message: `the memo takes ${merged} bytes: the limit is ${limit}`, terminates: true };
  }
  plan.steps.push(({ draft, completedEventId }) => {
    draft.emit(
      EventType.WORKFLOW_PROPERTIES_MODIFIED,
      { workflowPropertiesModifiedEventAttributes: { upsertedMemo, workflowTaskCompletedEventId: completedEventId } },
      commandExtras(command),
    );
  });
  return undefined;
}

export function applySearchAttributesUpserted(state: WorkflowState, event: HistoryEvent): void {
  const { searchAttributes } = must(event.upsertWorkflowSearchAttributesEventAttributes, 'attributes');
  if (searchAttributes) state.run.searchAttributes = mergeSearchAttributes(state.run.searchAttributes, searchAttributes);
}

export function applyPropertiesModified(state: WorkflowState, event: HistoryEvent): void {
  const { upsertedMemo } = must(event.workflowPropertiesModifiedEventAttributes, 'attributes');
  if (upsertedMemo) state.run.memo = mergeMemo(state.run.memo, upsertedMemo);
}

function mergeSearchAttributes(before: Encoded<SearchAttributes> | undefined, upserted: Encoded<SearchAttributes>): Encoded<SearchAttributes> {
  const indexedFields = before === undefined ? new Map<string, Payload>() : SearchAttributes.decode(before).indexedFields;
  mergeInto(indexedFields, SearchAttributes.decode(upserted).indexedFields);
  return SearchAttributes.encode({ indexedFields });
}

function mergeMemo(before: Encoded<Memo> | undefined, upserted: Encoded<Memo>): Encoded<Memo> {
  const fields = before === undefined ? new Map<string, Payload>() : Memo.decode(before).fields;
  mergeInto(fields, Memo.decode(upserted).fields);
  return Memo.encode({ fields });
}

function mergeInto(target: Map<string, Payload>, changes: ReadonlyMap<string, Payload>): void {
  for (const [key, payload] of changes) {
    if (isNull(payload)) target.delete(key);
    else target.set(key, payload);
  }
}

/** No data (`binary/null` has none), JSON's `null`, or the empty list, which SDKs write for "no values". */
function isNull({ data }: Payload): boolean {
  return data.byteLength === 0 || (data.byteLength <= 4 && ['[]', 'null'].includes(Buffer.from(data).toString('latin1')));
}
