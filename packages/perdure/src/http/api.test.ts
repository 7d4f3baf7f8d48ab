/**
 * The HTTP API over real sockets, on handlers that say what they got: what any HTTP client may send must reach the right RPC or be refused
 * with a reason, and no client can make the server hold more than its limits.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { Code, NamespaceNotFoundFailure, OperatorService, RpcError, WorkflowService, type Init, type Method } from '../protocol/index.js';
import { HTTP_ROUTES } from '../protocol/generated/http-routes.js';
import { Router, type CallContext } from '../transport/transport.js';
import { apiSite, type ApiSiteOptions } from './api-site.js';
import { healthSite } from './health-site.js';
import type { HttpLimits } from './limits.js';
import { openHttpListener } from './listener.js';
import { HttpRoutes } from './routes.js';

const { DescribeNamespace, DescribeWorkflowExecution, ListWorkflowExecutions, QueryWorkflow, SignalWorkflowExecution, StartWorkflowExecution } = WorkflowService;

interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body parsed. */
  readonly json: Record<string, unknown>;
}

interface Setup {
  readonly router: Router;
  readonly port: number;
  call(path: string, init?: RequestInit): Promise<Reply>;
}

type Options = Partial<Omit<ApiSiteOptions, 'router' | 'host'>> & { readonly limits?: Partial<HttpLimits>; readonly unready?: string };

function apiTest(title: string, run: (setup: Setup) => Promise<void>, options: Options = {}): void {
  test(title, { timeout: 30_000 }, async () => {
    const { limits, unready, ...site } = options;
    const router = new Router();
    const listener = await openHttpListener({
      host: '127.0.0.1',
      port: 0,
      site: healthSite(() => unready, apiSite({ router, host: '127.0.0.1', ...site, ...(limits !== undefined && { limits }) })),
      ...(limits !== undefined && { limits }),
    });
    const call = async (path: string, init: RequestInit = {}): Promise<Reply> => {
      const response = await fetch(`http://${listener.address}${path}`, init);
      const text = await response.text();
      return { status: response.status, headers: response.headers, text, json: text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {} };
    };
    try {
      await run({ router, port: listener.port, call });
    } finally {
      await listener.close(0);
    }
  });
}

const post = (body: string | Uint8Array, headers: Record<string, string> = {}): RequestInit => ({ method: 'POST', body, headers });

apiTest('every route of the API leads to its RPC, with the values of its path', async ({ router, call }) => {
  const seen: { name: string; request: unknown }[] = [];
  const methods = [...Object.values(WorkflowService), ...Object.values(OperatorService)] as unknown as Method<unknown, unknown>[];
  for (const method of methods) {
    router.add(method, (request) => {
      seen.push({ name: method.name, request });
      return {} as Init<unknown>;
    });
  }
  const lines = HTTP_ROUTES.trim().split('\n');
  assert.ok(lines.length > 200);
  for (const line of lines) {
    const [verb = '', template = '', method = ''] = line.split(' ');
    const values: [path: string, value: string][] = [];
    const path = template.replace(/\{([^}]+)\}/g, (_, field: string) => {
      values.push([field, `a/b ü%${values.length}`]);
      return encodeURIComponent(`a/b ü%${values.length - 1}`);
    });
    const reply = await call(path, { method: verb });
    assert.equal(reply.status, 200, `${line}: ${reply.text}`);
    const got = seen.pop();
    assert.equal(got?.name, method.split('/')[1], line);
    for (const [field, value] of values) {
      const found = field.split('.').reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())], got?.request);
      assert.equal(found, value, `${line}: ${field}`);
    }
  }
  assert.equal(new Set(new HttpRoutes(router).bindings.map(({ template, verb }) => `${verb} ${template}`)).size, lines.length);
});

apiTest('the body gives the fields that the path does not, and the path wins', async ({ router, call }) => {
  let seen: unknown;
  router.add(SignalWorkflowExecution, (request) => ((seen = { namespace: request.namespace, signal: request.signalName, execution: request.workflowExecution }), {}));
  const body = JSON.stringify({ namespace: 'other', signal_name: 'x', workflow_execution: { runId: 'r', workflow_id: 'z' }, input: [1] });
  assert.equal((await call('/api/v1/namespaces/default/workflows/w/signal/go', post(body))).status, 200);
  assert.deepEqual(seen, { namespace: 'default', signal: 'go', execution: { workflowId: 'w', runId: 'r' } });
});

apiTest('a query gives fields in either spelling, nested with dots, and passes over what is none', async ({ router, call }) => {
  const seen: unknown[] = [];
  router.add(DescribeWorkflowExecution, ({ execution }) => (seen.push(execution), {}));
  router.add(ListWorkflowExecutions, ({ pageSize, query, nextPageToken }) => (seen.push([pageSize, query, Buffer.from(nextPageToken).toString()]), {}));
  await call('/namespaces/n/workflows/w?execution.runId=r1&utm=1&execution.nothing=2');
  await call('/namespaces/n/workflows/w?execution.run_id=r2&execution.workflowId=w');
  await call('/namespaces/n/workflows?page_size=7&query=A%3D%221%22+AND+B%3D2&nextPageToken=aGk');
  assert.deepEqual(seen, [{ workflowId: 'w', runId: 'r1' }, { workflowId: 'w', runId: 'r2' }, [7, 'A="1" AND B=2', 'hi']]);
  const wrong = await call('/namespaces/n/workflows?pageSize=abc');
  assert.equal(wrong.status, 400);
  assert.match(String(wrong.json['message']), /pageSize: a whole number is expected/);
  assert.match(String((await call('/namespaces/n/workflows?query=a&query=b')).json['message']), /query is given twice/);
});

apiTest('payloads are plain values, unless the client wants them in full', async ({ router, call }) => {
  const data: string[] = [];
  const result = { payloads: [{ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('{"n": 1.50}') }] };
  router.add(QueryWorkflow, async ({ query }) => {
    const { Payloads } = await import('../protocol/index.js');
    data.push(...Payloads.decode(query?.queryArgs ?? new Uint8Array()).payloads.map((payload) => Buffer.from(payload.data).toString()));
    return { queryResult: Payloads.encode(result) };
  });
  const path = '/namespaces/n/workflows/w/query/q';
  const short = await call(path, post('{"query":{"queryArgs":[{"a":12345678901234567890},null]}}'));
  assert.equal(short.text, '{"queryResult":[{"n": 1.50}]}');
  assert.equal(short.headers.get('content-type'), 'application/json');
  const full = post('', { accept: 'application/json+no-payload-shorthand' });
  for (const reply of [await call(path, full), await call(`${path}?noPayloadShorthand`, post(''))]) {
    assert.equal(reply.text, '{"queryResult":{"payloads":[{"metadata":{"encoding":"anNvbi9wbGFpbg=="},"data":"eyJuIjogMS41MH0="}]}}');
    assert.equal(reply.headers.get('content-type'), 'application/json+no-payload-shorthand');
  }
  const pretty = await call(`${path}?pretty`, post(''));
  assert.equal(pretty.text, '{\n  "queryResult": [\n    {\n      "n": 1.50\n    }\n  ]\n}\n');
  const refused = await call(path, post('{"query":{"queryArgs":[1]}}', { 'content-type': 'application/json+no-payload-shorthand' }));
  assert.match(String(refused.json['message']), /queryArgs: an object is expected/);
  assert.deepEqual(data, ['{"a":12345678901234567890}', '']);
});

apiTest('an error has the status of its code, and its details', async ({ router, call }) => {
  const statuses: [Code, number][] = [
    [Code.CANCELLED, 499], [Code.UNKNOWN, 500], [Code.INVALID_ARGUMENT, 400], [Code.DEADLINE_EXCEEDED, 504], [Code.ALREADY_EXISTS, 409], [Code.PERMISSION_DENIED, 403],
    [Code.RESOURCE_EXHAUSTED, 429], [Code.FAILED_PRECONDITION, 400], [Code.ABORTED, 409], [Code.UNIMPLEMENTED, 501], [Code.INTERNAL, 500], [Code.UNAVAILABLE, 503], [Code.UNAUTHENTICATED, 401],
  ];
  let error = new RpcError(Code.UNKNOWN, '');
  router.add(DescribeNamespace, () => { throw error; });
  for (const [code, status] of statuses) {
    error = new RpcError(code, 'no');
    const reply = await call('/cluster/namespaces/n');
    assert.deepEqual([reply.status, reply.text], [status, `{"code":${code},"message":"no"}`]);
  }
  error = RpcError.with(Code.NOT_FOUND, 'größe', NamespaceNotFoundFailure, { namespace: 'n' });
  const { status, json } = await call('/cluster/namespaces/n');
  assert.equal(status, 404);
  assert.deepEqual(json, { code: 5, message: 'größe', details: [{ '@type': 'type.googleapis.com/temporal.api.errordetails.v1.NamespaceNotFoundFailure', namespace: 'n' }] });
});

const defects: unknown[] = [];
apiTest('a defect of a handler is INTERNAL, and told', async ({ router, call }) => {
  router.add(DescribeNamespace, () => { throw new TypeError('oops'); });
  assert.equal((await call('/cluster/namespaces/n')).status, 500);
  assert.equal(defects.length, 1);
}, { onError: (error) => defects.push(error) });

apiTest('what is no call is refused', async ({ router, call, port }) => {
  router.add(StartWorkflowExecution, () => ({}));
  const path = '/api/v1/namespaces/n/workflows/w';
  const bad: [string | Uint8Array, RegExp][] = [
    ['{', /not JSON/],
    ['[]', /must be a JSON object/],
    [Buffer.from([0x7b, 0xff, 0x7d]), /not UTF-8/],
    ['{"workflowTyp":{}}', /StartWorkflowExecutionRequest has no field "workflowTyp"/],
    [`{"memo":{"fields":{"a":${'['.repeat(100_000)}`, /nested deeper than 500/],
  ];
  for (const [body, message] of bad) {
    const reply = await call(path, post(body));
    assert.equal(reply.status, 400);
    assert.equal(reply.json['code'], Code.INVALID_ARGUMENT);
    assert.match(String(reply.json['message']), message);
  }
  assert.equal((await call('/api/v1/nothing')).status, 404);
  assert.equal((await call(`${path}/`)).status, 404);
  assert.equal((await call('/api/v1/namespaces//workflows/w', post('{}'))).status, 404);
  assert.equal((await call('/api/v1/namespaces/%zz/workflows/w', post('{}'))).status, 400);
  assert.equal((await call('/api/v1/namespaces/n', {})).status, 404, 'a method without a handler has no route');
  const other = await call(path, { method: 'PUT', body: '{}' });
  assert.deepEqual([other.status, other.headers.get('allow'), other.text], [405, 'POST', '{"code":12,"message":"Method Not Allowed"}']);
  const raw = net.connect(port, '127.0.0.1');
  raw.write('NONSENSE\r\n\r\n');
  assert.match(String((await once(raw, 'data'))[0]), /^HTTP\/1\.1 400/);
});

apiTest('bodies are bounded, one and all together, and what they held is given back', async ({ router, call, port }) => {
  router.add(StartWorkflowExecution, () => ({ runId: 'r' }));
  const path = '/namespaces/n/workflows/w';
  const large = post(JSON.stringify({ identity: 'x'.repeat(2000) }));
  assert.equal((await call(path, large)).status, 413);
  assert.equal((await call(path, post(JSON.stringify({ identity: 'x'.repeat(900) })))).status, 200);
  const sockets = Array.from({ length: 3 }, () => net.connect(port, '127.0.0.1'));
  const answers = sockets.map((socket) => once(socket, 'data'));
  for (const socket of sockets) socket.write(`POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n${'x'.repeat(700)}`);
  const [first] = await Promise.race(answers);
  assert.match(String(first), /^HTTP\/1\.1 429/);
  for (const socket of sockets) socket.destroy();
  for (let left = 50; left > 0 && (await call(path, post('{"identity":"x"}'))).status !== 200; left--) await new Promise((resolve) => setImmediate(resolve));
  assert.equal((await call(path, post(JSON.stringify({ identity: 'x'.repeat(900) })))).status, 200);
}, { limits: { httpRequestBytes: 1024, httpUnfinishedRequestBytes: 1500 } });

apiTest('a request that does not arrive is ended', async ({ router, port }) => {
  router.add(StartWorkflowExecution, () => ({}));
  const socket = net.connect(port, '127.0.0.1');
  socket.write('POST /namespaces/n/workflows/w HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n{');
  const [answer] = await once(socket, 'data');
  assert.match(String(answer), /^HTTP\/1\.1 408/);
}, { limits: { httpRequestTimeoutMs: 50 } });

class Polls {
  readonly waiting = new Set<CallContext>();
  #changed: () => void = () => {};

  readonly handler = (_: unknown, context: CallContext) =>
    new Promise<Record<string, never>>((_resolve, reject) => {
      this.waiting.add(context);
      context.signal.addEventListener('abort', () => {
        this.waiting.delete(context);
        this.#changed();
        reject(context.signal.reason as Error);
      });
      this.#changed();
    });

  async reach(count: number): Promise<void> {
    while (this.waiting.size !== count) await new Promise<void>((resolve) => (this.#changed = resolve));
  }
}

apiTest('a call ends when the client goes, and at its deadline', async ({ router, call }) => {
  const polls = new Polls();
  router.add(DescribeNamespace, polls.handler);
  const gone = new AbortController();
  const lost = call('/cluster/namespaces/n', { signal: gone.signal });
  await polls.reach(1);
  gone.abort();
  await assert.rejects(lost);
  await polls.reach(0);
  const late = await call('/cluster/namespaces/n', { headers: { 'grpc-timeout': '20m' } });
  assert.deepEqual([late.status, late.json['code']], [504, Code.DEADLINE_EXCEEDED]);
  assert.equal((await call('/cluster/namespaces/n', { headers: { 'grpc-timeout': 'soon' } })).status, 400);
});

apiTest('the handler sees who calls', async ({ router, call }) => {
  const seen: unknown[] = [];
  router.add(DescribeNamespace, (_, { metadata }) => (seen.push(metadata), {}));
  await call('/cluster/namespaces/n', { headers: { authorization: 'Bearer x', 'grpc-metadata-team': 'a', cookie: 'secret=1', 'client-name': 'mine', 'user-agent': 'u' } });
  await call('/cluster/namespaces/n', { headers: { 'user-agent': 'u' } });
  assert.deepEqual(seen, [{ 'client-name': 'mine', authorization: 'Bearer x', team: 'a', 'user-agent': 'u' }, { 'client-name': 'temporal-server-http', 'user-agent': 'u' }]);
});

apiTest('web pages of other origins may not call', async ({ router, call, port }) => {
  router.add(DescribeNamespace, () => ({}));
  const origin = { origin: 'https://evil.example' };
  assert.equal((await call('/cluster/namespaces/n', { headers: origin })).status, 403);
  assert.equal((await call('/cluster/namespaces/n', { headers: origin, method: 'OPTIONS' })).status, 403);
  const own = await call('/cluster/namespaces/n', { headers: { origin: `http://127.0.0.1:${port}` } });
  assert.deepEqual([own.status, own.headers.get('access-control-allow-origin')], [200, null]);
  const allowed = { origin: 'https://console.example' };
  const reply = await call('/cluster/namespaces/n', { headers: allowed });
  assert.deepEqual([reply.status, reply.headers.get('access-control-allow-origin')], [200, 'https://console.example']);
  const preflight = await call('/cluster/namespaces/n', { method: 'OPTIONS', headers: { ...allowed, 'access-control-request-headers': 'authorization' } });
  assert.deepEqual([preflight.status, preflight.headers.get('access-control-allow-headers')], [204, 'authorization']);
}, { allowedOrigins: ['https://console.example'] });

apiTest('a server that only its machine reaches answers to no name that a stranger can point at it', async ({ router, port }) => {
  router.add(DescribeNamespace, () => ({}));
  const status = async (host: string): Promise<number> => {
    const socket = net.connect(port, '127.0.0.1');
    socket.write(`GET /cluster/namespaces/n HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
    const [answer] = await once(socket, 'data');
    return Number(/^HTTP\/1\.1 (\d+)/.exec(String(answer))?.[1]);
  };
  for (const host of ['localhost', `LOCALHOST:${port}`, 'a.localhost:1', '127.0.0.1', `[::1]:${port}`, 'perdure.internal:80']) assert.equal(await status(host), 200, host);
  for (const host of [`evil.example:${port}`, 'localhost.evil.example', 'internal']) assert.equal(await status(host), 403, host);
}, { allowedHosts: ['perdure.internal'] });

apiTest('the probes answer', async ({ call }) => {
  assert.deepEqual([(await call('/healthz')).text, (await call('/healthz')).status], ['ok\n', 200]);
  const ready = await call('/readyz');
  assert.deepEqual([ready.status, ready.text], [503, 'The store takes no commits.\n']);
}, { unready: 'The store takes no commits.' });

interface OpenApi {
  readonly openapi?: string;
  readonly swagger?: string;
  readonly paths: Record<string, Record<string, { operationId: string; parameters: { name: string; in: string }[] }>>;
  readonly components?: { schemas: Record<string, unknown> };
  readonly definitions?: Record<string, unknown>;
}

apiTest('the documents describe every route that is served, and refer to nothing that is missing', async ({ router, call }) => {
  const methods = [...Object.values(WorkflowService), ...Object.values(OperatorService)] as unknown as Method<unknown, unknown>[];
  for (const method of methods) router.add(method, () => ({}) as Init<unknown>);
  for (const path of ['/openapi.yaml', '/api/v1/openapi.json', '/swagger.json']) {
    const { json, text } = await call(path);
    const document = json as unknown as OpenApi;
    assert.equal(document.openapi ?? document.swagger, path === '/swagger.json' ? '2.0' : '3.0.3');
    const types = document.components?.schemas ?? document.definitions ?? {};
    for (const [, reference] of text.matchAll(/"\$ref":"#\/(?:definitions|components\/schemas)\/([^"]+)"/g)) assert.ok((reference as string) in types, reference);
    const operations = Object.entries(document.paths).flatMap(([template, verbs]) => Object.values(verbs).map((operation) => ({ template, ...operation })));
    assert.equal(operations.length, HTTP_ROUTES.trim().split('\n').length);
    assert.equal(new Set(operations.map(({ operationId }) => operationId)).size, operations.length);
    for (const { template, parameters } of operations) {
      const named = [...template.matchAll(/\{([^}]+)\}/g)].map((match) => match[1]);
      assert.deepEqual(parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name), named, template);
      assert.equal(new Set(parameters.map((parameter) => `${parameter.in} ${parameter.name}`)).size, parameters.length, template);
    }
  }
});
