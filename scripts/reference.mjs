// Writes docs/reference/rpcs.md from the running engine (which RPCs work), and docs/reference/limits.md and metrics.md from the tables of
// the code that enforces and counts them; sdk.md, where Temporal's SDK is installed. `--check` only compares.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { openEngine } from 'perdure/server';
import { compatibilityPage } from './reference-compatibility.mjs';
import { limitsPage } from './reference-limits.mjs';
import { metricsPage } from './reference-metrics.mjs';
import { sdkPage } from './reference-sdk.mjs';
import { sdkMetricsPage } from './reference-sdk-metrics.mjs';
import { addTestService } from '../packages/perdure/dist/testing/time-lock.js';
import { TimeKeeper } from '../packages/perdure/dist/testing/time-keeper.js';
import { Router } from '../packages/perdure/dist/transport/transport.js';
import * as protocol from '../packages/perdure/dist/protocol/index.js';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const engine = await openEngine({ ephemeral: true });
const served = new Set(engine.router.paths());
await engine.close();
// Served beside the others by `--test-service` only.
const testRouter = new Router();
const keeper = new TimeKeeper(0);
addTestService(testRouter, keeper);
keeper.close();
const servedInTests = new Set(testRouter.paths());

const section = (title, service, has = served, note = undefined) => {
  const methods = Object.values(service);
  const works = methods.filter((method) => has.has(method.path));
  const missing = methods.filter((method) => !has.has(method.path));
  return [
    `## ${title}: ${works.length} of ${methods.length}`,
    '',
    ...(note === undefined ? [] : [note, '']),
    works.length > 0 ? `Works: ${works.map((method) => `\`${method.name}\``).join(', ')}.` : 'None yet.',
    '',
    ...(missing.length > 0 ? [`UNIMPLEMENTED: ${missing.map((method) => method.name).join(', ')}. The [compatibility table](compatibility.md) says why.`, ''] : []),
  ];
};
const text = [
  '# RPCs',
  '',
  'Made from the running engine by `node scripts/reference.mjs`. A method that is not served answers UNIMPLEMENTED and names itself.',
  '',
  ...section('WorkflowService', protocol.WorkflowService),
  ...section('OperatorService', protocol.OperatorService),
  ...section('TestService', protocol.TestService, servedInTests, 'With `perdure server start-dev --test-service`, which runs on a clock that tests can skip; UNIMPLEMENTED without it.'),
  ...section('PerdureService', protocol.PerdureService, served, 'Beyond Temporal’s API.'),
].join('\n');

const pages = { 'docs/reference/rpcs.md': text, 'docs/reference/limits.md': limitsPage(), 'docs/reference/metrics.md': metricsPage(), 'docs/reference/sdk-metrics.md': sdkMetricsPage(), 'docs/reference/compatibility.md': await compatibilityPage(served, protocol) };
const sdk = sdkPage();
if (sdk !== undefined) pages['docs/reference/sdk.md'] = sdk;
for (const [name, page] of Object.entries(pages)) {
  const target = path.join(root, name);
  if (!process.argv.includes('--check')) {
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.writeFileSync(target, page);
  } else if (!fs.existsSync(target) || fs.readFileSync(target, 'utf8') !== page) {
    console.error(`${name} is not what the code says: run node scripts/reference.mjs`);
    process.exit(1);
  }
}
