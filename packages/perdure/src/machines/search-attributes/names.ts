/**
 * The names of search attributes and their types.
 *
 * System attributes are facts of a run: queries see them, nobody sets them. Predefined ones exist in every namespace; clients and workers
 * may set those in `SETTABLE`. Custom ones are added to a namespace by its operators, under any other name.
 */
import { IndexedValueType } from '../../protocol/index.js';

const { BOOL, DATETIME, INT, KEYWORD, KEYWORD_LIST } = IndexedValueType;

/** By name. */
export type SearchAttributeTypes = ReadonlyMap<string, IndexedValueType>;

export const SYSTEM_ATTRIBUTES: SearchAttributeTypes = new Map<string, IndexedValueType>([
  ['WorkflowId', KEYWORD],
  ['RunId', KEYWORD],
  ['WorkflowType', KEYWORD],
  ['ExecutionStatus', KEYWORD],
  ['TaskQueue', KEYWORD],
  ['ParentWorkflowId', KEYWORD],
  ['ParentRunId', KEYWORD],
  ['RootWorkflowId', KEYWORD],
  ['RootRunId', KEYWORD],
  ['StartTime', DATETIME],
  ['ExecutionTime', DATETIME],
  ['CloseTime', DATETIME],
  ['HistoryLength', INT],
  ['HistorySizeBytes', INT],
  ['ExecutionDuration', INT],
  ['StateTransitionCount', INT],
]);

export const PREDEFINED_ATTRIBUTES: SearchAttributeTypes = new Map<string, IndexedValueType>([
  ['BatcherNamespace', KEYWORD],
  ['BatcherUser', KEYWORD],
  ['BinaryChecksums', KEYWORD_LIST],
  ['BuildIds', KEYWORD_LIST],
  ['TemporalChangeVersion', KEYWORD_LIST],
  ['TemporalExternalPayloadCount', INT],
  ['TemporalExternalPayloadSizeBytes', INT],
  ['TemporalNamespaceDivision', KEYWORD],
  ['TemporalPauseInfo', KEYWORD_LIST],
  ['TemporalReportedProblems', KEYWORD_LIST],
  ['TemporalScheduledById', KEYWORD],
  ['TemporalSchedulePaused', BOOL],
  ['TemporalScheduledStartTime', DATETIME],
  ['TemporalUsedWorkerDeploymentVersions', KEYWORD_LIST],
  ['TemporalWorkerDeployment', KEYWORD],
  ['TemporalWorkerDeploymentVersion', KEYWORD],
  ['TemporalWorkflowVersioningBehavior', KEYWORD],
]);

const SETTABLE: ReadonlySet<string> = new Set([
  'BatcherNamespace',
  'BatcherUser',
  'BinaryChecksums',
  'BuildIds',
  'TemporalChangeVersion',
  'TemporalNamespaceDivision',
  'TemporalPauseInfo',
  'TemporalReportedProblems',
  'TemporalScheduledById',
  'TemporalSchedulePaused',
  'TemporalScheduledStartTime',
]);

/** Names that mean something else in records of runs. */
const RESERVED: ReadonlySet<string> = new Set(['NamespaceId', 'Memo', 'MemoEncoding', 'VisibilityTaskKey']);

export type AttributeLookup =
  | { readonly kind: 'settable'; readonly type: IndexedValueType }
  /** It exists, and is not for clients and workers to set. */
  | { readonly kind: 'not-settable' }
  | { readonly kind: 'unknown' };

export function lookUp(name: string, custom: SearchAttributeTypes): AttributeLookup {
  if (SYSTEM_ATTRIBUTES.has(name) || RESERVED.has(name)) return { kind: 'not-settable' };
  const predefined = PREDEFINED_ATTRIBUTES.get(name);
  if (predefined !== undefined) return SETTABLE.has(name) ? { kind: 'settable', type: predefined } : { kind: 'not-settable' };
  const type = custom.get(name);
  return type === undefined ? { kind: 'unknown' } : { kind: 'settable', type };
}

/** Whether a namespace may not have a custom attribute of this name. */
export function isReserved(name: string): boolean {
  return SYSTEM_ATTRIBUTES.has(name) || PREDEFINED_ATTRIBUTES.has(name) || RESERVED.has(name) || name.startsWith('Temporal') || name.startsWith('#');
}

const NAMES: ReadonlyMap<IndexedValueType, string> = new Map<IndexedValueType, string>([
  [IndexedValueType.TEXT, 'Text'],
  [KEYWORD, 'Keyword'],
  [INT, 'Int'],
  [IndexedValueType.DOUBLE, 'Double'],
  [BOOL, 'Bool'],
  [DATETIME, 'Datetime'],
  [KEYWORD_LIST, 'KeywordList'],
]);

/** As it stands in the metadata of values, for example `KeywordList`; undefined if there is no such type. */
export function typeName(type: IndexedValueType): string | undefined {
  return NAMES.get(type);
}

/** The type of this name. Case does not matter. */
export function typeOf(name: string): IndexedValueType | undefined {
  for (const [type, known] of NAMES) if (known.toLowerCase() === name.toLowerCase()) return type;
  return undefined;
}
