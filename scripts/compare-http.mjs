// `node scripts/compare-http.mjs --address host:port`: sends the same HTTP requests to our server and to the HTTP port of another one, and
// prints where status or body differ. Ids, times and what names the server are masked. Needs a build; the other server needs the namespace
// `default`.
import { parseArgs } from 'node:util';
import { startServer } from 'perdure/server';

const { values } = parseArgs({ options: { address: { type: 'string' }, verbose: { type: 'boolean', default: false } } });
if (values.address === undefined) {
  console.error('Name the other server: --address 127.0.0.1:7243');
  process.exit(2);
}

const stamp = Date.now().toString(36);
const ID = `http-${stamp}`;
const at = `/api/v1/namespaces/default/workflows/${ID}`;
const start = { workflowType: { name: 'wt' }, taskQueue: { name: `tq-${stamp}` } };

/** Name, verb, path, body, headers. */
const REQUESTS = [
  ['cluster info', 'GET', '/api/v1/cluster-info'],
  ['describe a namespace', 'GET', '/api/v1/namespaces/default'],
  ['an unknown namespace', 'GET', '/api/v1/namespaces/nope-nope'],
  ['start with an unknown field', 'POST', at, { ...start, nonsense: 1 }],
  ['start with plain payloads', 'POST', at, { ...start, input: ['a', { b: 1 }, null, { metadata: { encoding: 'anNvbi9wbGFpbg==' }, data: 'MQ==' }], memo: { fields: { m: 5 } }, workflowRunTimeout: '33.5s', identity: 'me', requestId: 'r' }],
  ['start again', 'POST', at, start],
  ['start with enums by number', 'POST', `${at}-2`, { ...start, workflow_id_reuse_policy: 3, workflowIdConflictPolicy: 'WORKFLOW_ID_CONFLICT_POLICY_FAIL' }],
  ['start with a short enum', 'POST', `${at}-3`, { ...start, workflowIdReusePolicy: 'RejectDuplicate' }],
  ['start with a wrong duration', 'POST', `${at}-4`, { ...start, workflowRunTimeout: '5' }],
  ['start without a type', 'POST', `${at}-5`, { taskQueue: { name: 'q' } }],
  ['describe', 'GET', at],
  ['history', 'GET', `${at}/history`],
  ['history with payloads in full', 'GET', `${at}/history?noPayloadShorthand`],
  ['history, newest first', 'GET', `${at}/history-reverse?maximumPageSize=1`],
  ['history of a kind, by number', 'GET', `${at}/history?historyEventFilterType=2`],
  ['signal', 'POST', `${at}/signal/sig`, { input: [{ x: 1 }] }],
  ['signal without shorthand', 'POST', `${at}/signal/sig`, { input: [{ x: 1 }] }, { 'content-type': 'application/json+no-payload-shorthand' }],
  ['signal with a path that the body contradicts', 'POST', `${at}/signal/sig`, { namespace: 'other', signalName: 'foo' }],
  ['signal with broken JSON', 'POST', `${at}/signal/sig`, '{"input":[1]'],
  ['signal with an input that is no list', 'POST', `${at}/signal/sig`, { input: 5 }],
  ['signal without a body', 'POST', `${at}/signal/sig`, ''],
  ['an unknown execution', 'GET', `${at}-none`],
  ['a malformed run id', 'GET', `${at}?execution.runId=abc`],
  ['a query parameter that is no field', 'GET', '/api/v1/namespaces/default/workflow-count?unknown=1&query=WorkflowId%3D%22none%22'],
  ['a query parameter of a wrong type', 'GET', '/api/v1/namespaces/default/workflows?pageSize=abc'],
  ['a list query that is wrong', 'GET', '/api/v1/namespaces/default/workflows?query=nonsense'],
  ['terminate', 'POST', `${at}/terminate`, { reason: 'done', details: ['why', 1] }],
  ['history after it', 'GET', `${at}/history`],
  ['terminate again', 'POST', `${at}/terminate`, {}],
  ['an unknown path', 'GET', '/api/v1/nothing'],
  ['another verb', 'PUT', at],
  ['the path without prefix', 'GET', `/namespaces/default/workflows/${ID}`],
];

const MASKS = [
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'ID'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, 'TIME'],
  [/"(taskId|historySizeBytes|stateTransitionCount|serverVersion|clusterId|message|nextPageToken|executionDuration)":"(?:[^"\\]|\\.)*"/g, '"$1":"…"'],
];
const masked = (text) => MASKS.reduce((result, [pattern, by]) => result.replace(pattern, by), text);

async function ask(address, [, verb, path, body, headers = {}]) {
  const response = await fetch(`http://${address}${path}`, { method: verb, headers, ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }) });
  const text = await response.text();
  return { status: response.status, text, shape: masked(text) };
}

/** Paths at which two JSON values differ. */
function differences(ours, theirs, path = '') {
  if (typeof ours !== 'object' || typeof theirs !== 'object' || ours === null || theirs === null) return JSON.stringify(ours) === JSON.stringify(theirs) ? [] : [`${path}: ours ${JSON.stringify(ours)}, theirs ${JSON.stringify(theirs)}`];
  return [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].flatMap((name) => differences(ours[name], theirs[name], `${path}.${name}`));
}

const parsed = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

const server = await startServer({ ephemeral: true, port: 0, httpPort: 0 });
let count = 0;
for (const request of REQUESTS) {
  const [ours, theirs] = [await ask(server.httpAddress, request), await ask(values.address, request)];
  const found = [...(ours.status === theirs.status ? [] : [`status: ours ${ours.status}, theirs ${theirs.status}`]), ...differences(parsed(ours.shape), parsed(theirs.shape))];
  if (found.length > 0) count += 1;
  console.log(`${found.length === 0 ? 'same' : 'DIFFERS'}  ${request[0]}`);
  for (const line of found) console.log(`    ${line}`);
  if (values.verbose) console.log(`    ours   ${ours.text}\n    theirs ${theirs.text}`);
}
await server.close();
console.log(`${REQUESTS.length - count} of ${REQUESTS.length} are the same.`);
