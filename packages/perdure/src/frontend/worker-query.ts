/**
 * The query by which workers are listed: comparisons of a few fields, joined by AND and OR, with parentheses.
 *
 * `TaskQueue = "orders" AND (Status = "Running" OR StartTime > "2025-01-01T00:00:00Z")`. Text compares by =, !=, STARTS_WITH and
 * NOT STARTS_WITH; times by =, !=, <, <=, >, >= and BETWEEN … AND …; every field by IS NULL and IS NOT NULL. The queries of workflow
 * executions are another language, which compiles to the store; this one looks at a few thousand objects in memory.
 */
import { WorkerStatus, type WorkerHeartbeat } from '../protocol/index.js';
import { invalidArgument } from './refusals.js';

export type WorkerFilter = (worker: WorkerHeartbeat) => boolean;

type Field =
  | { readonly kind: 'text'; readonly of: (worker: WorkerHeartbeat) => string }
  | { readonly kind: 'time'; readonly of: (worker: WorkerHeartbeat) => number | undefined };

const text = (of: (worker: WorkerHeartbeat) => string): Field => ({ kind: 'text', of });

const STATUS_NAMES = new Map<WorkerStatus, string>([
  [WorkerStatus.RUNNING, 'Running'],
  [WorkerStatus.SHUTTING_DOWN, 'ShuttingDown'],
  [WorkerStatus.SHUTDOWN, 'Shutdown'],
]);

const FIELDS: ReadonlyMap<string, Field> = new Map<string, Field>([
  ['WorkerInstanceKey', text((worker) => worker.workerInstanceKey)],
  ['WorkerIdentity', text((worker) => worker.workerIdentity)],
  ['HostName', text((worker) => worker.hostInfo?.hostName ?? '')],
  ['TaskQueue', text((worker) => worker.taskQueue)],
  ['DeploymentName', text((worker) => worker.deploymentVersion?.deploymentName ?? '')],
  ['BuildId', text((worker) => worker.deploymentVersion?.buildId ?? '')],
  ['SdkName', text((worker) => worker.sdkName)],
  ['SdkVersion', text((worker) => worker.sdkVersion)],
  ['WorkerStatus', text((worker) => STATUS_NAMES.get(worker.status) ?? '')],
  ['Status', text((worker) => STATUS_NAMES.get(worker.status) ?? '')],
  ['StartTime', { kind: 'time', of: (worker) => worker.startTime }],
  ['HeartbeatTime', { kind: 'time', of: (worker) => worker.heartbeatTime }],
]);

const MAX_QUERY_LENGTH = 10_000;
const MAX_DEPTH = 50;

/** @throws RpcError INVALID_ARGUMENT that says what is wrong with the query. */
export function parseWorkerQuery(query: string): WorkerFilter {
  if (query.length > MAX_QUERY_LENGTH) throw invalidArgument(`The query has ${query.length} characters: at most ${MAX_QUERY_LENGTH} are accepted.`);
  if (query.trim() === '') return () => true;
  return new Parser(tokens(query)).whole();
}

const TOKEN = /\s*(?:("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|([A-Za-z_][A-Za-z0-9_]*)|(!=|<=|>=|=|<|>|\(|\)))/y;

function tokens(query: string): string[] {
  const found: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < query.length && query.slice(TOKEN.lastIndex).trim() !== '') {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(query);
    if (match === null) throw invalidArgument(`The query cannot be read from "${query.slice(at, at + 30).trim()}" on. Values stand in quotes.`);
    found.push(match[1] ?? match[2] ?? match[3] ?? '');
  }
  return found;
}

/** OR binds less than AND. */
class Parser {
  readonly #tokens: readonly string[];
  #next = 0;
  #depth = 0;

  constructor(read: readonly string[]) {
    this.#tokens = read;
  }

  whole(): WorkerFilter {
    const filter = this.#either();
    if (this.#next < this.#tokens.length) throw invalidArgument(`The query should end before "${this.#tokens[this.#next]}", or AND or OR should stand there.`);
    return filter;
  }

  #either(): WorkerFilter {
    const parts = [this.#both()];
    while (this.#takeWord('OR')) parts.push(this.#both());
    return parts.length === 1 ? (parts[0] as WorkerFilter) : (worker) => parts.some((part) => part(worker));
  }

  #both(): WorkerFilter {
    const parts = [this.#one()];
    while (this.#takeWord('AND')) parts.push(this.#one());
    return parts.length === 1 ? (parts[0] as WorkerFilter) : (worker) => parts.every((part) => part(worker));
  }

  #one(): WorkerFilter {
    if (this.#tokens[this.#next] !== '(') return this.#comparison();
    if (++this.#depth > MAX_DEPTH) throw invalidArgument(`The query nests parentheses deeper than ${MAX_DEPTH}.`);
    this.#next++;
    const inner = this.#either();
    if (this.#take() !== ')') throw invalidArgument('The query lacks a closing parenthesis.');
    this.#depth--;
    return inner;
  }

  #comparison(): WorkerFilter {
    const name = this.#take();
    const field = FIELDS.get(name);
    if (field === undefined) throw invalidArgument(`Workers have no field "${name}". There are ${[...FIELDS.keys()].join(', ')}.`);
    if (this.#takeWord('IS')) {
      const isNegated = this.#takeWord('NOT');
      if (!this.#takeWord('NULL')) throw invalidArgument('IS is followed by NULL or NOT NULL.');
      return (worker) => isNull(field, worker) !== isNegated;
    }
    return field.kind === 'text' ? this.#textComparison(name, field.of) : this.#timeComparison(name, field.of);
  }

  #textComparison(name: string, of: (worker: WorkerHeartbeat) => string): WorkerFilter {
    const isNegated = this.#takeWord('NOT');
    if (this.#takeWord('STARTS_WITH')) {
      const prefix = this.#value();
      return (worker) => of(worker).startsWith(prefix) !== isNegated;
    }
    const operator = this.#take();
    if (isNegated || (operator !== '=' && operator !== '!=')) throw invalidArgument(`${name} compares by =, !=, STARTS_WITH and NOT STARTS_WITH.`);
    const value = this.#value();
    return (worker) => (of(worker) === value) === (operator === '=');
  }

  #timeComparison(name: string, of: (worker: WorkerHeartbeat) => number | undefined): WorkerFilter {
    if (this.#takeWord('BETWEEN')) {
      const from = this.#time();
      if (!this.#takeWord('AND')) throw invalidArgument('BETWEEN is followed by two times with AND between them.');
      const to = this.#time();
      return (worker) => holds(of(worker), (time) => time >= from && time <= to);
    }
    const operator = this.#take();
    const compare = TIME_COMPARISONS.get(operator);
    if (compare === undefined) throw invalidArgument(`${name} compares by =, !=, <, <=, >, >= and BETWEEN.`);
    const value = this.#time();
    return (worker) => holds(of(worker), (time) => compare(time, value));
  }

  #time(): number {
    const value = this.#value();
    const time = Date.parse(value);
    if (Number.isNaN(time)) throw invalidArgument(`"${value}" is not a time. Write it like "2025-01-31T12:00:00Z".`);
    return time;
  }

  #value(): string {
    const token = this.#take();
    if (!/^["']/.test(token)) throw invalidArgument(`A value in quotes should stand in the place of "${token}".`);
    return token.slice(1, -1).replace(/\\(.)/g, '$1');
  }

  #take(): string {
    const token = this.#tokens[this.#next++];
    if (token === undefined) throw invalidArgument('The query ends in the middle of a comparison.');
    return token;
  }

  #takeWord(word: string): boolean {
    if (this.#tokens[this.#next]?.toUpperCase() !== word) return false;
    this.#next++;
    return true;
  }
}

const TIME_COMPARISONS: ReadonlyMap<string, (time: number, value: number) => boolean> = new Map([
  ['=', (time, value) => time === value],
  ['!=', (time, value) => time !== value],
  ['<', (time, value) => time < value],
  ['<=', (time, value) => time <= value],
  ['>', (time, value) => time > value],
  ['>=', (time, value) => time >= value],
]);

const holds = (time: number | undefined, condition: (time: number) => boolean): boolean => time !== undefined && condition(time);

const isNull = (field: Field, worker: WorkerHeartbeat): boolean => (field.kind === 'text' ? field.of(worker) === '' : field.of(worker) === undefined);
