/**
 * What list queries see of a run.
 *
 * A run is listed from its first event to its deletion. How far its history has come is listed once it is closed: to list it while it runs
 * would be to write the row at every step. The listing of a state is kept beside it for as long as what it is made of stays the same.
 */
import { EMPTY, SearchAttributes, WorkflowExecutionInfo } from '../../protocol/index.js';
import type { Encoded, Payload, RunState } from '../../protocol/index.js';
import { PROBLEM_ATTRIBUTE, type ListedValue, type Listing, type MadeListing } from '../listing.js';
import { parseMoment } from '../search-attributes/moment.js';
import { SYSTEM_ATTRIBUTES } from '../search-attributes/names.js';
import { isHidden } from './reset/deletion-debt.js';
import { shownSearchAttributes } from './describe.js';
import { shownStatus } from './runs/pause.js';
import type { WorkflowState } from './state.js';
import { reportedProblem } from './tasks/task-problems.js';
import { deploymentOf, runVersion } from './runs/worker-versions.js';

export function listing(state: WorkflowState): Listing | undefined {
  if (isHidden(state)) return undefined;
  const kept = state.listed;
  if (kept !== undefined && kept.isOf(state)) return kept;
  return (state.listed = new RunListing(state, kept));
}

/** What surrounds the larger values. */
const FRAME_BYTES = 500;

/** What the listing of a run is made of: bytes and messages are replaced when they change, never changed in place. */
function rowOf({ run, pausedActivities }: WorkflowState) {
  const points = run.resetPoints;
  return {
    execution: { workflowId: run.workflowId, runId: run.runId },
    root: run.root,
    workflowType: run.workflowType,
    startTimeMs: run.startTimeMs,
    // What may change.
    status: run.status,
    pause: run.pause,
    closeTimeMs: run.closeTimeMs,
    parent: run.parent,
    memo: run.memo,
    executionTimeMs: run.executionTimeMs,
    taskQueue: run.taskQueue,
    // What search attributes are made of, with `pause`.
    ownAttributes: run.searchAttributes,
    pausedActivities,
    problem: reportedProblem(run),
    version: versionOf(run),
    points: points.length,
    lastPoint: points[points.length - 1],
    // What is listed with the close.
    lastEventId: run.lastEventId,
    historySizeBytes: run.historySizeBytes,
    closeTransitions: run.closeTransitions,
    externalPayloadCount: run.externalPayloadCount,
    externalPayloadSizeBytes: run.externalPayloadSizeBytes,
    closeProblem: run.closeProblem,
  };
}

export class RunListing implements Listing {
  readonly #row: ReturnType<typeof rowOf>;
  readonly #searchAttributes: Encoded<SearchAttributes> | undefined;

  /** @param before the listing before this one: to make search attributes is the larger part, and they seldom change */
  constructor(state: WorkflowState, before: RunListing | undefined) {
    this.#row = rowOf(state);
    this.#searchAttributes = before?.hasAttributesOf(state) === true ? before.#searchAttributes : shownSearchAttributes(state);
  }

  get sizeBytes(): number {
    return FRAME_BYTES + (this.#row.memo?.byteLength ?? 0) + 2 * (this.#searchAttributes?.byteLength ?? 0) + 2 * this.#row.closeProblem.length;
  }

  /** Nothing that is listed has changed since. */
  isOf(state: WorkflowState): boolean {
    const row = this.#row;
    const { run } = state;
    return (
      row.status === run.status &&
      row.closeTimeMs === run.closeTimeMs &&
      row.parent === run.parent &&
      row.memo === run.memo &&
      row.executionTimeMs === run.executionTimeMs &&
      row.taskQueue === run.taskQueue &&
      this.hasAttributesOf(state)
    );
  }

  hasAttributesOf({ run, pausedActivities }: WorkflowState): boolean {
    const row = this.#row;
    const points = run.resetPoints;
    return (
      row.ownAttributes === run.searchAttributes &&
      row.pause === run.pause &&
      row.pausedActivities === pausedActivities &&
      row.points === points.length &&
      row.lastPoint === points[points.length - 1] &&
      row.problem === reportedProblem(run) &&
      row.version === versionOf(run)
    );
  }

  make(): MadeListing {
    const row = this.#row;
    const { execution, root = execution, parent } = row;
    const status = shownStatus(row);
    const closeTime = row.closeTimeMs > 0 ? row.closeTimeMs : undefined;
    const executionDuration = closeTime === undefined ? undefined : Math.max(0, closeTime - row.executionTimeMs);
    const shown = WorkflowExecutionInfo.encode({
      execution,
      type: { name: row.workflowType },
      startTime: row.startTimeMs,
      executionTime: row.executionTimeMs,
      closeTime,
      executionDuration,
      status,
      taskQueue: row.taskQueue,
      memo: row.memo ?? EMPTY,
      searchAttributes: this.#searchAttributes ?? EMPTY,
      parentExecution: parent,
      rootExecution: root,
      ...(closeTime !== undefined && {
        historyLength: row.lastEventId,
        historySizeBytes: row.historySizeBytes,
        stateTransitionCount: row.closeTransitions,
        externalPayloadCount: row.externalPayloadCount,
        externalPayloadSizeBytes: row.externalPayloadSizeBytes,
      }),
    });
    const attributes = new Map<string, ListedValue>(this.#searchAttributes && listedSearchAttributes(this.#searchAttributes))
      .set('WorkflowType', row.workflowType)
      .set('ExecutionStatus', status)
      .set('TaskQueue', row.taskQueue)
      .set('StartTime', row.startTimeMs)
      .set('ExecutionTime', row.executionTimeMs);
    if (root.runId !== execution.runId) attributes.set('RootWorkflowId', root.workflowId).set('RootRunId', root.runId);
    if (parent !== undefined) attributes.set('ParentWorkflowId', parent.workflowId).set('ParentRunId', parent.runId);
    if (closeTime !== undefined) {
      attributes
        .set('CloseTime', closeTime)
        .set('ExecutionDuration', executionDuration ?? 0)
        .set('HistoryLength', row.lastEventId)
        .set('HistorySizeBytes', row.historySizeBytes)
        .set('StateTransitionCount', row.closeTransitions);
      if (row.externalPayloadCount > 0) {
        attributes.set('TemporalExternalPayloadCount', row.externalPayloadCount).set('TemporalExternalPayloadSizeBytes', row.externalPayloadSizeBytes);
      }
      if (row.closeProblem !== '') attributes.set(PROBLEM_ATTRIBUTE, { text: row.closeProblem });
    }
    return { shown, attributes };
  }
}

function versionOf(run: RunState): string {
  const version = runVersion(run);
  return version === undefined && run.usedDeploymentVersions.length === 0 ? '' : `${version?.behavior} ${version?.version} ${deploymentOf(run)} ${run.usedDeploymentVersions.length}`;
}

/** Those that were read last. Runs without search attributes of their own share theirs with all runs of the same build. */
let lastRead: { readonly encoded: Encoded<SearchAttributes>; readonly listed: ReadonlyMap<string, ListedValue> } | undefined;

function listedSearchAttributes(encoded: Encoded<SearchAttributes>): ReadonlyMap<string, ListedValue> {
  if (lastRead?.encoded === encoded) return lastRead.listed;
  const listed = new Map<string, ListedValue>();
  addSearchAttributes(listed, encoded);
  lastRead = { encoded, listed };
  return listed;
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
function listedValue({ metadata, data }: Payload): ListedValue | undefined {
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
  // JSON can say more than a number holds.
  if (typeof one === 'number') return Number.isFinite(one) ? one : undefined;
  if (typeof one !== 'string') return undefined;
  if (type === 'Datetime') return parseMoment(one);
  return type === 'Text' ? { text: wellFormed(one) } : wellFormed(one);
}

/** Half a surrogate pair has no bytes of its own, and could not be asked for. */
function wellFormed(text: string): string {
  return /[\uD800-\uDFFF]/.test(text) ? Buffer.from(text).toString() : text;
}
