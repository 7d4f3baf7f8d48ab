// docs/reference/compatibility.md: each command, event type, timeout, policy, cause and RPC with the scenarios that exercise it.
import fs from 'node:fs';
import path from 'node:path';
import { loadAreas } from '../build/test/scenarios/areas.js';
import { DIFFERENCES } from '../build/test/scenarios/differences.js';
import { FIELD_GAPS, GAPS } from '../build/test/scenarios/gaps.js';
import { allRows } from '../build/test/scenarios/rows.js';
import { root } from './official.mjs';

const TITLES = { command: 'Commands', event: 'Events', timeout: 'Timeouts', policy: 'Policies', cause: 'Causes of failure', rpc: 'RPCs' };
const MOST_NAMED = 3;

/** @param served paths of the RPCs that the engine serves */
export async function compatibilityPage(served, protocol) {
  const areas = await loadAreas('');
  const scenarios = areas.flatMap((area) => area.scenarios.map((scenario) => ({ ...scenario, area: area.name })));
  const covering = new Map();
  for (const scenario of scenarios) for (const row of scenario.covers) covering.set(row, [...(covering.get(row) ?? []), scenario]);
  const servedNames = new Set([...Object.values(protocol.WorkflowService), ...Object.values(protocol.OperatorService)].filter((method) => served.has(method.path)).map((method) => method.name));

  const cell = (row) => {
    const all = covering.get(row) ?? [];
    const working = all.filter((scenario) => scenario.missing === undefined);
    if (working.length > 0) {
      const named = working.slice(0, MOST_NAMED).map((scenario) => `${scenario.area}: ${scenario.name}`).join(' · ');
      return working.length > MOST_NAMED ? `${named} · and ${working.length - MOST_NAMED} more` : named;
    }
    if (all.length > 0) return `**not yet**: ${all[0].missing}`;
    if (GAPS[row] !== undefined) return `– ${GAPS[row]}`;
    if (row.startsWith('rpc:') && !servedNames.has(row.slice(4))) return '– not implemented';
    return '**not covered**';
  };

  const rows = allRows();
  const stale = Object.keys(GAPS).filter((row) => covering.has(row));
  if (stale.length > 0) throw new Error(`test/scenarios/gaps.ts says that nothing can exercise ${stale.join(', ')}, but a scenario does: take it out there`);
  const sections = Object.entries(TITLES).flatMap(([kind, title]) => {
    const own = rows.filter((row) => row.startsWith(`${kind}:`));
    const cells = own.map((row) => [row.slice(kind.length + 1), cell(row)]);
    const open = cells.filter(([, text]) => text.startsWith('**')).length;
    const missing = cells.filter(([, text]) => text.startsWith('–')).length;
    const summary = `${own.length - open - missing} of ${own.length} exercised${missing > 0 ? `, ${missing} with a reason why not` : ''}${open > 0 ? `, ${open} open` : ''}`;
    return [`## ${title}: ${summary}`, '', '| | Scenarios |', '|--|--|', ...cells.map(([name, text]) => `| \`${name}\` | ${text.replaceAll('|', '\\|')} |`), ''];
  });

  const differences = DIFFERENCES.map((difference) => `| ${difference.seen} | ${difference.because} |`);
  return [
    '# Compatibility',
    '',
    'Made from the scenarios in `test/scenarios` by `node scripts/reference.mjs`. Each scenario runs with the official TypeScript SDK and with',
    'ours, with and without cached runs, and its histories replay in the official SDK. A scenario that claims a row fails if that row was not',
    'seen on the wire or in its histories.',
    '',
    ...sections,
    '## Fields without effect',
    '',
    '| Fields | Here | Reason |',
    '|--|--|--|',
    ...FIELD_GAPS.map(({ fields, here, because }) => `| ${fields} | ${here} | ${because} |`),
    '',
    '## Differences from a Temporal server',
    '',
    'Found by `npm run compare -- --address host:port`, which runs the scenarios on both servers and compares outcomes, refusals and histories',
    'event by event.',
    '',
    ...(differences.length > 0 ? ['| Difference | Reason |', '|--|--|', ...differences] : ['None.']),
    '',
    '## Other languages',
    '',
    ...pythonSection(),
  ].join('\n');
}

/** The names of the Python scenarios: the first line of each test's docstring. */
function pythonSection() {
  const files = ['scenarios.py', 'services.py'].map((name) => path.join(root, 'test/python', name));
  if (!files.every((file) => fs.existsSync(file))) return ['None yet.', ''];
  const names = [...files.map((file) => fs.readFileSync(file, 'utf8')).join('\n').matchAll(/^async def scenario_\w+\(.*\)(?: -> None)?:\n {4}"""(.*?)"""/gm)].map((match) => match[1]);
  return ['With the Python SDK (`npm run test:python`), its replayer on every history:', '', ...names.map((name) => `* ${name}`), ''];
}
