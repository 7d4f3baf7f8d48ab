/**
 * A project as a team would have it: twenty workflows in a TypeScript file each, modules that they share, packages from npm. Written out, because
 * twenty files that differ in their names only are nothing to read in a repository.
 */
import fs from 'node:fs';
import path from 'node:path';
import { officialFolder, type SdkName } from './sdk.js';
import { root } from './processes.js';

const WORKFLOWS = 20;

/** Modules that workflows of a shop share: money, addresses, policies, requests, messages. */
const SHARED: Readonly<Record<string, string>> = {
  'money.ts': `import Long from 'long';
export interface Money { readonly cents: number; readonly currency: 'EUR' | 'USD' }
export const euros = (amount: number): Money => ({ cents: Math.round(amount * 100), currency: 'EUR' });
export function sum(all: readonly Money[]): Money {
  return { cents: all.reduce((total, { cents }) => Long.fromNumber(total).add(cents).toNumber(), 0), currency: all[0]?.currency ?? 'EUR' };
}
export const show = ({ cents, currency }: Money): string => \`\${(cents / 100).toFixed(2)} \${currency}\`;
`,
  'settings.ts': `import { parse } from 'smol-toml';
const text = 'region = "eu"\\n[limits]\\nlines = 100\\nreminders = 3\\n';
export const settings = parse(text) as { readonly region: string; readonly limits: { readonly lines: number; readonly reminders: number } };
`,
  'requests.ts': `import { z } from 'zod';
import { settings } from './settings';
export const Line = z.object({ sku: z.string().min(1), quantity: z.number().int().positive(), cents: z.number().int().nonnegative() });
export const Address = z.object({ street: z.string(), city: z.string(), country: z.string().length(2) });
export const Request = z.object({ id: z.string().min(1), lines: z.array(Line).max(settings.limits.lines), address: Address, email: z.email() });
export type Request = z.infer<typeof Request>;
`,
  'policies.ts': `import type { ActivityOptions } from 'perdure/workflow';
export const quick: ActivityOptions = { startToCloseTimeout: '10 seconds', retry: { maximumAttempts: 5 } };
export const slow: ActivityOptions = { startToCloseTimeout: '10 minutes', heartbeatTimeout: '30 seconds' };
`,
  'waiting.ts': `import { condition, sleep } from 'perdure/workflow';
import { settings } from './settings';
export async function remindUntil(done: () => boolean, remind: () => Promise<void>): Promise<boolean> {
  for (let reminder = 0; reminder < settings.limits.reminders; reminder++) {
    if (await condition(done, '1 day')) return true;
    await remind();
  }
  await sleep('1 hour');
  return done();
}
`,
  'activities.ts': `import { createHash } from 'node:crypto';
export async function reserve(sku: string, quantity: number): Promise<string> { return createHash('sha256').update(sku + quantity).digest('hex'); }
export async function charge(id: string, cents: number): Promise<string> { return \`\${id}-\${cents}\`; }
export async function ship(id: string, city: string): Promise<string> { return \`\${id} to \${city}\`; }
export async function notify(email: string, text: string): Promise<void> { await fetch(\`https://mail.example.com/\${email}\`, { method: 'POST', body: text }); }
`,
};

const workflow = (index: number): string => `/** Workflow number ${index} of the shop. */
import { ApplicationFailure, CancellationScope, condition, defineQuery, defineSignal, defineUpdate, log, proxyActivities, setHandler, workflowInfo } from 'perdure/workflow';
import type * as activities from '../shared/activities';
import { show, sum, type Money } from '../shared/money';
import { quick, slow } from '../shared/policies';
import { Request } from '../shared/requests';
import { remindUntil } from '../shared/waiting';

const { reserve, charge, notify } = proxyActivities<typeof activities>(quick);
const { ship } = proxyActivities<typeof activities>(slow);

export const approve${index} = defineSignal<[by: string]>('approve');
export const stage${index} = defineQuery<Stage>('stage');
export const changeAddress${index} = defineUpdate<void, [city: string]>('changeAddress');

type Stage = 'new' | 'reserved' | 'approved' | 'shipped' | 'refused';

class Order {
  stage: Stage = 'new';
  approvedBy: string | undefined;
  readonly reservations: string[] = [];

  constructor(readonly request: Request, public city: string) {}

  get total(): Money {
    return sum(this.request.lines.map(({ cents, quantity }) => ({ cents: cents * quantity, currency: 'EUR' as const })));
  }
}

export async function order${index}(input: unknown): Promise<{ readonly id: string; readonly total: string; readonly stage: Stage }> {
  const request = Request.parse(input);
  const order = new Order(request, request.address.city);
  setHandler(stage${index}, () => order.stage);
  setHandler(approve${index}, (by) => { order.approvedBy ??= by; });
  setHandler(changeAddress${index}, (city) => { order.city = city; }, { validator: (city) => { if (city === '') throw ApplicationFailure.nonRetryable('A city has a name'); } });

  for (const { sku, quantity } of request.lines) order.reservations.push(await reserve(sku, quantity));
  order.stage = 'reserved';
  if (order.total.cents > ${1_000 * index}) {
    const approved = await remindUntil(() => order.approvedBy !== undefined, () => notify(request.email, \`order ${index}: \${show(order.total)}\`));
    order.stage = approved ? 'approved' : 'refused';
  }
  if (order.stage !== 'refused') {
    await charge(request.id, order.total.cents);
    await CancellationScope.nonCancellable(() => ship(request.id, order.city));
    order.stage = 'shipped';
  }
  await condition(() => order.stage !== 'new', '1 minute');
  log.info('order ${index} is done', { stage: order.stage, type: workflowInfo().workflowType });
  return { id: request.id, total: show(order.total), stage: order.stage };
}
`;

/** Writes the project for an SDK. @returns its workflows file */
export function writeProject(sdk: SdkName): string {
  const folder = path.join(root, 'build/bench-project', sdk);
  fs.rmSync(folder, { recursive: true, force: true });
  const write = (file: string, text: string): void => {
    const target = path.join(folder, file);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.writeFileSync(target, sdk === 'ours' ? text : text.replaceAll("'perdure/", "'@temporalio/"));
  };
  const indexes = Array.from({ length: WORKFLOWS }, (_, index) => index + 1);
  write('package.json', '{ "private": true, "type": "commonjs" }\n');
  if (sdk === 'official') {
    fs.mkdirSync(path.join(folder, 'node_modules'));
    fs.symlinkSync(path.join(officialFolder, 'node_modules/@temporalio'), path.join(folder, 'node_modules/@temporalio'));
  }
  for (const [file, text] of Object.entries(SHARED)) write(`shared/${file}`, text);
  for (const index of indexes) write(`workflows/order${index}.ts`, workflow(index));
  write('workflows/index.ts', indexes.map((index) => `export * from './order${index}';\n`).join(''));
  return path.join(folder, 'workflows/index.ts');
}
