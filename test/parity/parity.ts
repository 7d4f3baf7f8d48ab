/**
 * Holds the names that Temporal's TypeScript SDK exports, and the members of its classes, interfaces and options, against ours.
 *
 * The result is a list of gaps; each must have a reason in `exceptions.ts`. The page `docs/reference/sdk.md` is written from the same.
 */
import path from 'node:path';
import { root } from '../../bench/processes.js';
import { EXCEPTIONS, type Exception } from './exceptions.js';
import { surfacesOf, type ExportedName, type Surface } from './surface.js';

/** Which module of ours a program imports instead. */
export const MODULES: ReadonlyMap<string, string> = new Map([
  ['@temporalio/workflow', 'perdure/workflow'],
  ['@temporalio/activity', 'perdure/activity'],
  ['@temporalio/client', 'perdure/client'],
  ['@temporalio/worker', 'perdure/worker'],
  ['@temporalio/common', 'perdure/common'],
  ['@temporalio/testing', 'perdure/testing'],
  ['@temporalio/envconfig', 'perdure/envconfig'],
  ['@temporalio/nexus', 'perdure/nexus'],
  ['@temporalio/plugin', 'perdure/plugin'],
  ['@temporalio/interceptors-opentelemetry', 'perdure/opentelemetry'],
]);

/** Something of theirs that ours has not. */
export interface Gap {
  readonly module: string;
  /** `name`, `name.member`, or either followed by `()`: it takes fewer arguments. */
  readonly name: string;
  /** Their documentation tells one not to use it. */
  readonly isRetired: boolean;
}

export interface ModuleParity {
  readonly module: string;
  readonly ours: string;
  /** How many names and members were looked for. */
  readonly names: number;
  readonly members: number;
  readonly gaps: readonly Gap[];
}

/** Reads both SDKs' declarations; takes some seconds. */
export function compareSdks(): readonly ModuleParity[] {
  const theirs = surfacesOf(path.join(root, 'test/official/node_modules/.parity'), [...MODULES.keys()]);
  const ours = surfacesOf(path.join(root, 'build/parity'), [...MODULES.values()]);
  return [...MODULES].map(([module, name]) => compareModules(module, name, theirs.get(module) ?? new Map(), ours.get(name) ?? new Map()));
}

function compareModules(module: string, name: string, theirs: Surface, ours: Surface): ModuleParity {
  const gaps: Gap[] = [];
  let members = 0;
  for (const [exported, their] of theirs) {
    const our = ours.get(exported);
    if (our === undefined) gaps.push({ module, name: exported, isRetired: isRetired(their.tags) });
    else members += compareNames(their, our, (member, retired) => gaps.push({ module, name: exported + member, isRetired: retired || isRetired(their.tags) }));
  }
  return { module, ours: name, names: theirs.size, members, gaps };
}

/** @returns how many members were looked for. */
function compareNames(their: ExportedName, our: ExportedName, missing: (member: string, isRetired: boolean) => void): number {
  if (takesFewer(their.parameters, our.parameters)) missing('()', false);
  const wanted = [...their.members].filter(([, member]) => !member.isInherited);
  for (const [name, member] of wanted) {
    const own = our.members.get(name);
    if (own === undefined) missing(`.${name}`, isRetired(member.tags));
    else if (takesFewer(member.parameters, own.parameters)) missing(`.${name}()`, isRetired(member.tags));
  }
  return wanted.length;
}

function takesFewer(theirs: number | undefined, ours: number | undefined): boolean {
  return theirs !== undefined && ours !== undefined && ours < theirs;
}

const RETIRED_TAGS: readonly string[] = ['deprecated', 'internal', 'hidden', 'ignore'];

function isRetired(tags: ReadonlySet<string>): boolean {
  return RETIRED_TAGS.some((tag) => tags.has(tag));
}

/** The row that gives the reason for a gap, if there is one. */
export function reasonFor(gap: Gap): Exception | undefined {
  return EXCEPTIONS.find((exception) => covers(exception, gap));
}

/** Rows that say of something that it is missing, which is not. */
export function staleNames(parities: readonly ModuleParity[]): readonly string[] {
  const gaps = parities.flatMap((parity) => parity.gaps);
  return EXCEPTIONS.filter((exception) => !exception.isInWork).flatMap((exception) =>
    exception.names.filter((name) => !gaps.some((gap) => covers({ ...exception, names: [name] }, gap))).map((name) => `${exception.modules.join(', ')}: ${name}`),
  );
}

function covers({ modules, names }: Exception, gap: Gap): boolean {
  return modules.includes(gap.module) && names.some((name) => patternOf(name).test(gap.name));
}

const patterns = new Map<string, RegExp>();

/** `*` stands for any text; a name covers its members as well. */
function patternOf(name: string): RegExp {
  let pattern = patterns.get(name);
  if (pattern === undefined) {
    const text = name.replace(/[.$()]/g, '\\$&').replaceAll('*', '.*');
    patterns.set(name, (pattern = new RegExp(`^${text}$`)));
  }
  return pattern;
}
