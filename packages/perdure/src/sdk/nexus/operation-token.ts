/**
 * Tokens: the names that handlers give to operations that go on, for the one who may want to cancel them.
 *
 * A token says what stands behind the operation: JSON with short names, in base 64 for URLs without padding. The format is shared by all of
 * Temporal's SDKs, so an operation that one started can be cancelled by another. Tokens come back from outside: nothing in one is trusted.
 */

export type OperationToken =
  | { readonly kind: 'workflow-run'; readonly namespace: string; readonly workflowId: string }
  | { readonly kind: 'activity'; readonly namespace: string; readonly activityId: string; readonly runId: string }
  /** `runId` is empty if the update was for the current run. */
  | { readonly kind: 'workflow-update'; readonly namespace: string; readonly workflowId: string; readonly runId: string; readonly updateId: string };

const WORKFLOW_RUN = 1;
const ACTIVITY = 2;
const WORKFLOW_UPDATE = 3;

export function encodeOperationToken(token: OperationToken): string {
  return Buffer.from(JSON.stringify(wireOf(token))).toString('base64url');
}

/** @throws TypeError that says what is wrong with it. */
export function decodeOperationToken(text: string): OperationToken {
  const wire = objectIn(text);
  if (wire['v'] !== undefined && wire['v'] !== 0) throw invalid(`it has version ${String(wire['v'])}, made by a newer SDK`);
  const namespace = textOf(wire, 'ns', 'namespace');
  switch (wire['t']) {
    case WORKFLOW_RUN:
      return { kind: 'workflow-run', namespace, workflowId: nameOf(wire, 'wid', 'workflow id') };
    case ACTIVITY:
      return { kind: 'activity', namespace, activityId: nameOf(wire, 'aid', 'activity id'), runId: nameOf(wire, 'rid', 'run id') };
    case WORKFLOW_UPDATE: {
      const runId = wire['rid'] === undefined ? '' : textOf(wire, 'rid', 'run id');
      return { kind: 'workflow-update', namespace, workflowId: nameOf(wire, 'wid', 'workflow id'), runId, updateId: nameOf(wire, 'uid', 'update id') };
    }
    default:
      throw invalid(`its type is ${JSON.stringify(wire['t'])}, which this version does not know`);
  }
}

/** The order of the fields is part of the format: servers compare tokens as text. */
function wireOf(token: OperationToken): object {
  const { namespace: ns } = token;
  switch (token.kind) {
    case 'workflow-run':
      return { t: WORKFLOW_RUN, ns, wid: token.workflowId };
    case 'activity':
      // The run id is not known before the activity has started, when the callback's token is made.
      return { t: ACTIVITY, ns, aid: token.activityId, ...(token.runId !== '' && { rid: token.runId }) };
    case 'workflow-update':
      return { t: WORKFLOW_UPDATE, ns, wid: token.workflowId, ...(token.runId !== '' && { rid: token.runId }), uid: token.updateId };
  }
}

function objectIn(text: string): Record<string, unknown> {
  if (text === '') throw invalid('it is empty');
  if (!/^[\w-]+$/.test(text)) throw invalid('it is not base 64 for URLs');
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch (cause) {
    throw new TypeError('Not an operation token: there is no JSON in it.', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('there is no object in it');
  return value as Record<string, unknown>;
}

function nameOf(wire: Record<string, unknown>, field: string, what: string): string {
  const name = textOf(wire, field, what);
  if (name === '') throw invalid(`its ${what} is empty`);
  return name;
}

function textOf(wire: Record<string, unknown>, field: string, what: string): string {
  const value = wire[field];
  if (typeof value !== 'string') throw invalid(`it has no ${what}`);
  return value;
}

function invalid(why: string): TypeError {
  return new TypeError(`Not an operation token: ${why}.`);
}
