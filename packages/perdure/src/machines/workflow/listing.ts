/**
 * What list queries see of a run.
 *
 * A run is listed from its first event to its deletion. How far its history has come is listed once it is closed: to list it while it runs
 * would be to write the row at every step. The listing of a state is kept beside it for as long as what it is made of stays the same.
 */
import { EMPTY, SearchAttributes, WorkflowExecutionInfo } from '../../protocol/index.js';
import type { Encoded, Payload, RunState } from '../../protocol/index.js';
import { PROBLEM_ATTRIBUTE, type ListedValue, type Listing } from '../listing.js';
import { parseMoment } from '../search-attributes/moment.js';
import { SYSTEM_ATTRIBUTES } from '../search-attributes/names.js';
import { isHidden } from './reset/deletion-debt.js';
import { shownSearchAttributes } from './describe.js';
import { shownStatus } from './runs/pause.js';
import type { WorkflowState } from './state.js';
import { reportedProblem } from './tasks/task-problems.js';
import { deploymentOf, runVersion } from './runs/worker-versions.js';

/** Search attributes as they are shown and as they are asked by. */
interface Attributes {
  readonly shown: Encoded<SearchAttributes> | undefined;
  readonly listed: ReadonlyMap<string, ListedValue>;
}

export interface KeptListing {
  readonly facts: readonly unknown[];
  readonly attributeParts: readonly unknown[];
  readonly attributes: Attributes;
  readonly listing: Listing;
}

export function listing(state: WorkflowState): Listing | undefined {
  if (isHidden(state)) return undefined;
  const kept = state.listed;
  const facts = factsOf(state);
  const attributeParts = attributePartsOf(state);
  const hasSameAttributes = kept !== undefined && isSame(kept.attributeParts, attributeParts);
  if (hasSameAttributes && isSame(kept.facts, facts)) return kept.listing;
  const attributes = hasSameAttributes ? kept.attributes : attributesOf(state);
  const made = make(state, attributes);
  state.listed = { facts, attributeParts, attributes, listing: made };
  return made;
}

/** Everything in a listing that may change; bytes and messages are replaced, never changed in place. */
function factsOf({ run }: WorkflowState): readonly unknown[] {
  return [run.status, run.pause, run.closeTimeMs, run.parent, run.memo, run.executionTimeMs, run.taskQueue];
}

/** What search attributes are made of, apart, because to make them is the larger part. */
function attributePartsOf({ run, pausedActivities }: WorkflowState): readonly unknown[] {
  const points = run.resetPoints;
  return [run.searchAttributes, run.pause, pausedActivities, reportedProblem(run), versionOf(run), points.length, points[points.length - 1]];
}

function isSame(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.every((part, index) => part === other[index]);
}

function versionOf(run: RunState): string {
  const version = runVersion(run);
  return version === undefined && run.usedDeploymentVersions.length === 0 ? '' : `${version?.behavior} ${version?.version} ${deploymentOf(run)} ${run.usedDeploymentVersions.length}`;
}

function make({ run }: WorkflowState, searchAttributes: Attributes): Listing {
  const execution = { workflowId: run.workflowId, runId: run.runId };
  const root = run.root ?? execution;
  const status = shownStatus(run);
  const isClosed = run.closeTimeMs > 0;
  const executionDuration = isClosed ? Math.max(0, run.closeTimeMs - run.executionTimeMs) : undefined;
  const shown = WorkflowExecutionInfo.encode({
    execution,
    type: { name: run.workflowType },
    startTime: run.startTimeMs,
    executionTime: run.executionTimeMs,
    closeTime: isClosed ? run.closeTimeMs : undefined,
    executionDuration,
    status,
    taskQueue: run.taskQueue,
    memo: run.memo ?? EMPTY,
    searchAttributes: searchAttributes.shown ?? EMPTY,
    parentExecution: run.parent,
    rootExecution: root,
    ...(isClosed && {
      historyLength: run.lastEventId,
      historySizeBytes: run.historySizeBytes,
      stateTransitionCount: run.closeTransitions,
      externalPayloadCount: run.externalPayloadCount,
      externalPayloadSizeBytes: run.externalPayloadSizeBytes,
    }),
  });
  const attributes = new Map<string, ListedValue>(searchAttributes.listed)
    .set('WorkflowType', run.workflowType)
    .set('ExecutionStatus', status)
    .set('TaskQueue', run.taskQueue)
    .set('StartTime', run.startTimeMs)
    .set('ExecutionTime', run.executionTimeMs);
  if (root.runId !== run.runId) attributes.set('RootWorkflowId', root.workflowId).set('RootRunId', root.runId);
  if (run.parent !== undefined) attributes.set('ParentWorkflowId', run.parent.workflowId).set('ParentRunId', run.parent.runId);
  if (isClosed) {
    attributes
      .set('CloseTime', run.closeTimeMs)
      .set('ExecutionDuration', executionDuration ?? 0)
      .set('HistoryLength', run.lastEventId)
      .set('HistorySizeBytes', run.historySizeBytes)
      .set('StateTransitionCount', run.closeTransitions);
    if (run.externalPayloadCount > 0) {
      attributes.set('TemporalExternalPayloadCount', run.externalPayloadCount).set('TemporalExternalPayloadSizeBytes', run.externalPayloadSizeBytes);
    }
    if (run.closeProblem !== '') attributes.set(PROBLEM_ATTRIBUTE, { text: run.closeProblem });
  }
  return { shown, attributes };
}

/** Those that were read last. Runs without search attributes of their own share theirs with all runs of the same build. */
let lastRead: Attributes | undefined;
const NONE: Attributes = { shown: undefined, listed: new Map() };

function attributesOf(state: WorkflowState): Attributes {
  const shown = shownSearchAttributes(state);
  if (shown === undefined) return NONE;
  if (lastRead?.shown === shown) return lastRead;
  const listed = new Map<string, ListedValue>();
  addSearchAttributes(listed, shown);
  lastRead = { shown, listed };
  return lastRead;
}

/** A system attribute cannot be set; should one be there all the same, it must not stand in the place of the fact. */
export function addSearchAttributes(attributes: Map<string, ListedValue>, encoded: Encoded<SearchAttributes> | undefined): void {
  if (encoded === undefined || encoded.byteLength === 0) return;
  for (const [name, payload] of SearchAttributes.decode(encoded).indexedFields) {
    const value = SYSTEM_ATTRIBUTES.has(name) ? undefined : listedValue(payload);
    if (value !== undefined) attributes.set(name, value);
  }
}

/** A value that was validated before it got into the history names its type. What cannot be read is not listed. */
export function listedValue({ metadata, data }: Payload): ListedValue | undefined {
  const type = metadata['type'] === undefined ? '' : Buffer.from(metadata['type']).toString('latin1');
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(data).toString('utf8'));
  } catch {
    return undefined;
  }
  if (type === 'KeywordList' || (type === '' && Array.isArray(value))) {
    const items = (Array.isArray(value) ? value : [value]).filter((item) => typeof item === 'string');
    return items.length === 0 ? undefined : items.map(wellFormed);
  }
  const one: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
  if (typeof one === 'boolean') return one ? 1 : 0;
  if (typeof one === 'number') return one;
  if (typeof one !== 'string') return undefined;
  if (type === 'Datetime') return parseMoment(one);
  return type === 'Text' ? { text: wellFormed(one) } : wellFormed(one);
}

/** Half a surrogate pair has no bytes of its own, and could not be asked for. */
function wellFormed(text: string): string {
  return /[\uD800-\uDFFF]/.test(text) ? Buffer.from(text).toString() : text;
}
