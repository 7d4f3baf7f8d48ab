/**
 * Reset points: for each build that took part in a chain of runs, the first workflow task that it completed. Describe shows them; whoever
 * deployed a bad build resets the runs that it touched to the task before.
 *
 * A build is told apart by its binary checksum (SDKs send their build id there). Points of earlier runs of the chain come with the
 * Started event. The search attributes BuildIds and BinaryChecksums say the same to list queries; they are made when somebody looks.
 */
import { SearchAttributes } from '../../../protocol/index.js';
import type { Encoded, HistoryEvent, Init, Payload, ResetPoints, RunState } from '../../../protocol/index.js';
import { must } from '../state.js';
import type { WorkflowState } from '../state.js';
import { deploymentOf, runVersion } from '../runs/worker-versions.js';
import type { RunVersion } from '../runs/worker-versions.js';

/** The oldest beyond these is forgotten. A constant, because a fold must forget the same one whatever the limits are today. */
const MOST_POINTS = 20;

/** A workflow task was completed. In the state, points of the run itself have no run id. */
export function addResetPoint({ run }: WorkflowState, event: HistoryEvent): void {
  const { binaryChecksum, workerVersion, deploymentVersion } = must(event.workflowTaskCompletedEventAttributes, 'attributes');
  for (const point of run.resetPoints) if (point.binaryChecksum === binaryChecksum) return;
  if (run.resetPoints.length >= MOST_POINTS) run.resetPoints.shift();
  run.resetPoints.push({
    binaryChecksum,
    runId: '',
    firstWorkflowTaskCompletedId: event.eventId,
    createTime: event.eventTime,
    expireTime: undefined,
    resettable: true,
    buildId: workerVersion?.buildId || deploymentVersion?.buildId || '',
  });
}

/** The points of earlier runs, as the Started event brings them. */
export function inheritResetPoints({ run }: WorkflowState, points: ResetPoints | undefined): void {
  run.resetPoints = points === undefined ? [] : points.points.slice(-MOST_POINTS);
}

/** For Describe. */
export function resetPoints({ resetPoints: points, runId }: RunState): Init<ResetPoints> {
  return { points: points.map((point) => (point.runId === '' ? { ...point, runId } : point)) };
}

/** For the Started event of the run that follows in the chain. */
export function inheritableResetPoints({ resetPoints: points, runId }: RunState): ResetPoints | undefined {
  if (points.length === 0) return undefined;
  return { points: points.map((point) => (point.runId === '' ? { ...point, runId } : point)) };
}

/** The search attributes of the run, with what the server adds: which builds and versions took part in it. */
export function searchAttributes(run: RunState): Encoded<SearchAttributes> | undefined {
  const { searchAttributes: own, usedDeploymentVersions } = run;
  const mine = run.resetPoints.filter((point) => point.runId === '');
  const version = runVersion(run);
  const deployment = deploymentOf(run);
  if (mine.length === 0 && version === undefined && usedDeploymentVersions.length === 0) return own;
  const words = new Map<string, string | readonly string[]>();
  // The build of a deployment version is listed only if the worker tells it in the older way too.
  const builds = buildIds(run.workerVersion === undefined ? [] : mine, version);
  const checksums = mine.flatMap(({ binaryChecksum }) => binaryChecksum || []);
  if (builds.length > 0) words.set('BuildIds', builds);
  if (checksums.length > 0) words.set('BinaryChecksums', checksums);
  if (version !== undefined) words.set('TemporalWorkflowVersioningBehavior', version.behavior);
  if (version !== undefined && version.version !== '') words.set('TemporalWorkerDeploymentVersion', version.version);
  if (deployment !== '') words.set('TemporalWorkerDeployment', deployment);
  if (usedDeploymentVersions.length > 0) words.set('TemporalUsedWorkerDeploymentVersions', usedDeploymentVersions);
  const added = encodedWords(words);
  // Messages that follow each other add up: the fields of both.
  return own === undefined ? added : Buffer.concat([own, added]);
}

function buildIds(points: readonly { readonly buildId: string }[], version: RunVersion | undefined): string[] {
  const bound = version === undefined ? ['unversioned'] : version.behavior === 'Pinned' ? [`pinned:${version.version}`] : [];
  return [...new Set([...bound, ...points.flatMap(({ buildId }) => (buildId === '' ? [] : [`unversioned:${buildId}`]))])];
}

/** Few builds work on many runs: what is added to one is added to all of them, as the same bytes. */
const encoded = new Map<string, Encoded<SearchAttributes>>();
const MOST_ENCODED = 1000;

function encodedWords(words: ReadonlyMap<string, string | readonly string[]>): Encoded<SearchAttributes> {
  const key = JSON.stringify([...words]);
  let bytes = encoded.get(key);
  if (bytes === undefined) {
    const indexedFields = new Map<string, Init<Payload>>();
    for (const [name, value] of words) indexedFields.set(name, payloadOf(value));
    bytes = SearchAttributes.encode({ indexedFields });
    if (encoded.size >= MOST_ENCODED) encoded.clear();
    encoded.set(key, bytes);
  }
  return bytes;
}

function payloadOf(value: string | readonly string[]): Init<Payload> {
  const type = typeof value === 'string' ? 'Keyword' : 'KeywordList';
  return { metadata: { encoding: Buffer.from('json/plain'), type: Buffer.from(type) }, data: Buffer.from(JSON.stringify(value)) };
}
