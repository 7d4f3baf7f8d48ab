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

const inDefault = (path) => `/api/v1/namespaces/default/${path}`;

/** Activities without a workflow: nobody takes them, so each call answers the same way on both servers. */
function activities() {
  const id = (name) => inDefault(`activities/${ID}-${name}`);
  const start = { activityType: { name: 'at' }, taskQueue: { name: `tq-${stamp}` }, startToCloseTimeout: '10s', input: ['a', { b: 1 }] };
  return [
    ['start an activity', 'POST', id('a'), start],
    ['start it again', 'POST', id('a'), start],
    ['start an activity without a timeout', 'POST', id('b'), { ...start, startToCloseTimeout: undefined }],
    ['start an activity with an unknown field', 'POST', id('b'), { ...start, nonsense: 1 }],
    ['describe an activity', 'GET', `${id('a')}?includeInput=true`],
    ['describe an unknown activity', 'GET', id('none')],
    ['complete an activity that nobody runs', 'POST', `${id('a')}/complete`, { result: [1] }],
    ['fail one that nobody runs', 'POST', `${id('a')}/fail`, { failure: { message: 'm' } }],
    ['heartbeat of one that nobody runs', 'POST', `${id('a')}/heartbeat`, { details: [1] }],
    ['resolve one that nobody runs as cancelled', 'POST', `${id('a')}/resolve-as-canceled`, {}],
    ['cancel an activity', 'POST', `${id('a')}/cancel`, { reason: 'r', requestId: 'q' }],
    ['its outcome', 'GET', `${id('a')}/outcome`],
    ['terminate it when it has ended', 'POST', `${id('a')}/terminate`, { reason: 'r' }],
    ['count activities', 'GET', inDefault(`activity-count?query=ActivityId%3D%22${ID}-none%22`)],
    ['list activities', 'GET', inDefault(`activities?query=ActivityId%3D%22${ID}-none%22`)],
    ['a list query about activities that is wrong', 'GET', inDefault('activities?query=nonsense')],
  ];
}

function deployments() {
  const name = `d-${stamp}`;
  const deployment = inDefault(`worker-deployments/${name}`);
  const version = inDefault(`worker-deployment-versions/${name}`);
  return [
    ['an unknown deployment', 'GET', deployment],
    ['create a deployment', 'POST', deployment, { identity: 'me', requestId: 'r' }],
    ['create a version', 'POST', version, { deploymentVersion: { deploymentName: name, buildId: '1' }, identity: 'me', requestId: 'r' }],
    ['set the manager', 'POST', `${deployment}/set-manager`, { managerIdentity: 'me', identity: 'me' }],
    ['ramp a version', 'POST', `${deployment}/set-ramping-version`, { buildId: '1', percentage: 25, allowNoPollers: true, identity: 'me' }],
    ['make it current', 'POST', `${deployment}/set-current-version`, { buildId: '1', allowNoPollers: true, identity: 'me' }],
    ['make an unknown version current', 'POST', `${deployment}/set-current-version`, { buildId: '9', identity: 'me' }],
    ['describe a deployment', 'GET', deployment],
    ['describe a version', 'GET', `${version}/1`],
    ['describe an unknown version', 'GET', `${version}/9`],
    ['metadata of a version', 'POST', `${version}/1/update-metadata`, { upsertEntries: { note: 'text' }, identity: 'me' }],
    ['delete a version that is current', 'DELETE', `${version}/1?identity=me`],
    ['delete a deployment that has versions', 'DELETE', `${deployment}?identity=me`],
  ];
}

function operators() {
  const endpoint = { spec: { name: `e-${stamp}`, target: { worker: { namespace: 'default', taskQueue: 'q' } } } };
  const schedule = { spec: { interval: [{ interval: '3600s' }] }, action: { startWorkflow: { workflowId: 'w', workflowType: { name: 'x' }, taskQueue: { name: 'q' }, input: [1] } }, state: { paused: true } };
  return [
    ['create a Nexus endpoint', 'POST', '/api/v1/nexus/endpoints', endpoint],
    ['create it again', 'POST', '/api/v1/nexus/endpoints', endpoint],
    ['a Nexus endpoint without a target', 'POST', '/api/v1/nexus/endpoints', { spec: { name: `f-${stamp}` } }],
    ['an unknown Nexus endpoint', 'GET', '/api/v1/nexus/endpoints/0198c7aa-0000-7000-8000-000000000000'],
    ['Nexus endpoints by name', 'GET', `/api/v1/nexus/endpoints?name=e-${stamp}`],
    ['create a schedule', 'POST', inDefault(`schedules/${ID}`), { schedule, requestId: 'r' }],
    ['patch a schedule', 'POST', inDefault(`schedules/${ID}/patch`), { patch: { unpause: 'go' } }],
    ['an unknown schedule', 'GET', inDefault(`schedules/${ID}-none`)],
    ['delete a schedule', 'DELETE', inDefault(`schedules/${ID}?identity=me`)],
    ['an unknown batch job', 'GET', inDefault(`batch-operations/${ID}-job`)],
    ['a batch job without an operation', 'POST', inDefault(`batch-operations/${ID}-job`), { visibilityQuery: 'WorkflowId="x"', reason: 'r' }],
    ['describe a task queue', 'GET', inDefault(`task-queues/q-${stamp}?taskQueueType=1&reportStats=true`)],
    ['limit a task queue', 'POST', inDefault(`task-queues/q-${stamp}/update-config`), { identity: 'me', taskQueueType: 'TASK_QUEUE_TYPE_ACTIVITY', updateQueueRateLimit: { rateLimit: { requestsPerSecond: 5 }, reason: 'r' } }],
    ['a heartbeat of a worker', 'POST', inDefault('workers/heartbeat'), { identity: 'me', workerHeartbeat: [{ workerInstanceKey: `k-${stamp}`, taskQueue: 'q' }] }],
    ['an unknown worker', 'GET', inDefault(`workers/describe/k-${stamp}-none`)],
    ['pause an unknown workflow', 'POST', inDefault(`workflows/${ID}-none/pause`), { reason: 'r' }],
    ['options of an unknown workflow', 'POST', inDefault(`workflows/${ID}-none/update-options`), { workflowExecutionOptions: {}, updateMask: 'versioningOverride' }],
    ['search attributes', 'GET', inDefault('search-attributes')],
  ];
}

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
  ...activities(),
  ...deployments(),
  ...operators(),
  ['an unknown path', 'GET', '/api/v1/nothing'],
  ['another verb', 'PUT', at],
  ['the path without prefix', 'GET', `/namespaces/default/workflows/${ID}`],
];

const MASKS = [
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'ID'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, 'TIME'],
  [/"(taskId|historySizeBytes|stateTransitionCount|serverVersion|clusterId|message|nextPageToken|longPollToken|conflictToken|stateSizeBytes|executionDuration)":"(?:[^"\\]|\\.)*"/g, '"$1":"…"'],
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
