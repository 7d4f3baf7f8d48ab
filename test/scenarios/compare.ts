/**
 * Holds what the scenarios left on our server against what they left on another one: outcomes, refusals, and histories event by event.
 * Run by `npm run compare -- --address host:port`. Prints each difference once, with the scenarios that show it; those that `differences.ts`
 * explains are counted only. Exits with 1 if any is left.
 */
import fs from 'node:fs';
import { pathToFileURL } from 'node:url';
import { DIFFERENCES } from './differences.js';
import type { Dump, DumpedEvent, DumpedRun } from './dump.js';
import type { Refusal } from './recorder.js';

const CANCELLED = 1;
const NOT_FOUND = 5;

interface Difference {
  readonly what: string;
  readonly ours: string;
  readonly theirs: string;
}

export function compareDumps(ours: Dump, theirs: Dump): Difference[] {
  const found: Difference[] = [];
  const note = (what: string, a: string, b: string) => {
    if (a !== b) found.push({ what, ours: a, theirs: b });
  };
  if (ours.error !== undefined || theirs.error !== undefined) return [{ what: 'outcome', ours: ours.error ?? 'passed', theirs: theirs.error ?? 'passed' }];
  // A call that is made again until it works is refused more or less often: each refusal counts once. That a worker's answer comes too late
  // is a matter of timing; scenarios that answer by hand look at the refusal themselves.
  const counts = ({ rpc, code }: Refusal) => code !== CANCELLED && !(code === NOT_FOUND && /^(Respond|Record)/.test(rpc));
  const refusals = (dump: Dump) => [...new Set(dump.refusals.filter(counts).map(({ rpc, code, details }) => `${rpc} ${code} ${details.join(' ')}`))].sort();
  note('refusals', refusals(ours).join('; '), refusals(theirs).join('; '));
  note('runs', ours.runs.map((run) => run.workflowId).join(), theirs.runs.map((run) => run.workflowId).join());
  if (ours.runs.length !== theirs.runs.length) return found;
  ours.runs.forEach((run, index) => found.push(...compareRuns(run, theirs.runs[index] as DumpedRun, ours.varies !== undefined)));
  return found;
}

function compareRuns(ours: DumpedRun, theirs: DumpedRun, varies: boolean): Difference[] {
  const types = (run: DumpedRun) => run.events.map((event) => event.type);
  if (varies) {
    // Which tasks there were is a matter of timing; what happened is not.
    const kept = (run: DumpedRun) => types(run).filter((type) => !type.startsWith('WORKFLOW_TASK_')).sort().join(' ');
    return kept(ours) === kept(theirs) ? attributesByType(ours, theirs) : [{ what: `events of ${ours.workflowId} in any order`, ours: kept(ours), theirs: kept(theirs) }];
  }
  if (types(ours).join() !== types(theirs).join()) return [{ what: `events of ${ours.workflowId}`, ours: types(ours).join(' '), theirs: types(theirs).join(' ') }];
  return ours.events.flatMap((event, index) => attributesOf(event, theirs.events[index] as DumpedEvent));
}

function attributesOf(ours: DumpedEvent, theirs: DumpedEvent): Difference[] {
  const paths = new Set([...Object.keys(ours.attributes), ...Object.keys(theirs.attributes)]);
  return [...paths].flatMap((path) => {
    const [a, b] = [ours.attributes[path] ?? 'unset', theirs.attributes[path] ?? 'unset'];
    return a === b ? [] : [{ what: `${ours.type}.${path}`, ours: a, theirs: b }];
  });
}

/** For runs whose events may come in another order: which attributes an event type ever sets. */
function attributesByType(ours: DumpedRun, theirs: DumpedRun): Difference[] {
  const set = (run: DumpedRun) => new Set(run.events.filter((event) => !event.type.startsWith('WORKFLOW_TASK_')).flatMap((event) => Object.keys(event.attributes).map((path) => `${event.type}.${path}`)));
  const [a, b] = [set(ours), set(theirs)];
  return [...new Set([...a, ...b])].filter((path) => a.has(path) !== b.has(path)).map((what) => ({ what, ours: a.has(what) ? 'set' : 'unset', theirs: b.has(what) ? 'set' : 'unset' }));
}

function explained(difference: Difference, scenario: string): boolean {
  if (difference.what === 'outcome' && difference.ours !== 'passed') return false;
  return DIFFERENCES.some(({ what, where }) => what.test(difference.what) && (where === undefined || scenario.startsWith(where)));
}

function read(file: string): Map<string, Dump> {
  const dumps = JSON.parse(fs.readFileSync(file, 'utf8')) as Dump[];
  return new Map(dumps.map((dump) => [`${dump.area}/${dump.name}${dump.cached ? '' : ' (nothing cached)'}`, dump]));
}

function main([ourFile = '', theirFile = '']: readonly string[]): void {
  const [ours, theirs] = [read(ourFile), read(theirFile)];
  const found = new Map<string, string[]>();
  let known = 0;
  let equal = 0;
  let alone = 0;
  for (const [name, dump] of ours) {
    const other = theirs.get(name);
    if (other === undefined) {
      alone++;
      continue;
    }
    const differences = compareDumps(dump, other);
    const left = differences.filter((difference) => !explained(difference, name));
    known += differences.length - left.length;
    if (left.length === 0) equal++;
    for (const { what, ours: a, theirs: b } of left) {
      const text = `${what}\n    ours:   ${a.slice(0, 2000)}\n    theirs: ${b.slice(0, 2000)}`;
      found.set(text, [...(found.get(text) ?? []), name]);
    }
  }
  for (const [text, names] of found) console.log(`${text}\n    in:     ${[...new Set(names)].slice(0, 4).join(' | ')}${names.length > 4 ? ` and ${names.length - 4} more` : ''}`);
  const onlyOurs = alone > 0 ? `; ${alone} need a server process of their own and ran on ours only` : '';
  console.log(`${equal} of ${ours.size - alone} scenarios alike, ${found.size} differences to explain, ${known} explained (differences.ts)${onlyOurs}`);
  process.exitCode = found.size > 0 ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main(process.argv.slice(2));
