/**
 * Writes what each scenario left to a file, with everything masked that differs between two runs of the same program: ids, times,
 * identities, sizes. `compare.ts` holds two such files against each other.
 */
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { root } from '../../bench/processes.js';
import type { RecordedRun } from './histories.js';
import type { Refusal } from './recorder.js';
import type { Finished } from './stage.js';

export interface DumpedEvent {
  readonly type: string;
  /** Attributes by path, masked. */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface DumpedRun {
  readonly workflowId: string;
  readonly events: readonly DumpedEvent[];
}

export interface Dump {
  readonly area: string;
  readonly name: string;
  readonly cached: boolean;
  readonly varies?: string;
  readonly missing?: string;
  readonly error?: string;
  readonly refusals: readonly Refusal[];
  readonly runs: readonly DumpedRun[];
}

interface OfficialHistory {
  decode(bytes: Uint8Array): unknown;
  toObject(message: unknown, options: object): { events?: Record<string, unknown>[] };
}

export class DumpFile {
  readonly #dumps: Dump[] = [];
  readonly #file: string;
  readonly #history: OfficialHistory;

  constructor(file: string) {
    this.#file = file;
    const { temporal } = createRequire(path.join(root, 'test/official/package.json'))('@temporalio/proto') as { temporal: { api: { history: { v1: { History: OfficialHistory } } } } };
    this.#history = temporal.api.history.v1.History;
  }

  add({ area, scenario, cached, mark, recorder, histories, error }: Finished): void {
    const mask = new Mask(mark);
    this.#dumps.push({
      area,
      name: scenario.name,
      cached,
      ...(scenario.varies !== undefined && { varies: scenario.varies }),
      ...(scenario.missing !== undefined && { missing: scenario.missing }),
      ...(error !== undefined && { error: mask.text(error instanceof Error ? error.message : String(error)) }),
      runs: inOrder(histories, mark).map((run) => this.#run(run, mask)),
      refusals: recorder.of(mark).refusals.map((refusal) => ({ ...refusal, message: mask.text(refusal.message) })),
    });
  }

  write(): void {
    fs.writeFileSync(this.#file, JSON.stringify(this.#dumps));
  }

  #run(run: RecordedRun, mask: Mask): DumpedRun {
    const { events = [] } = this.#history.toObject(this.#history.decode(run.encoded), { enums: String, longs: Number });
    return {
      workflowId: mask.text(run.workflowId),
      events: events.map((event) => {
        const attributes: Record<string, string> = {};
        for (const [key, value] of Object.entries(event)) {
          if (key.endsWith('EventAttributes')) mask.flatten('', value, attributes);
          else if (['userMetadata', 'links', 'workerMayIgnore', 'principal'].includes(key)) mask.flatten(key, value, attributes);
        }
        return { type: String(event['eventType']).replace('EVENT_TYPE_', ''), attributes };
      }),
    };
  }
}

/** Workflows that the scenario named first, then those that it did not; the runs of one by the time of their start. */
function inOrder(runs: readonly RecordedRun[], mark: string): RecordedRun[] {
  const startOf = (run: RecordedRun) => run.events[0]?.eventTime ?? 0;
  const rank = (run: RecordedRun) => (run.workflowId.startsWith(mark) ? run.workflowId : '~');
  return [...runs].sort((a, b) => (rank(a) === rank(b) ? startOf(a) - startOf(b) : rank(a) < rank(b) ? -1 : 1));
}

/** Differs between any two runs and says nothing. */
const NOISE = new Set(['historySizeBytes', 'identity', 'requestId', 'stackTrace', 'namespaceId', 'parentWorkflowNamespaceId', 'binaryChecksum', 'sdkMetadata', 'meteringMetadata', 'workerVersion', 'forkEventVersion', 'attachedRequestId']);
/** What the official SDK appends to the identity of a worker for its sticky queue. */
const STICKY = /(?<=-)[0-9a-f]{32}\b/g;
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

class Mask {
  readonly #mark: string;
  readonly #round: string;
  readonly #ids = new Map<string, string>();

  constructor(mark: string) {
    this.#mark = mark;
    this.#round = mark.replace(/~.*/, '');
  }

  text(text: string): string {
    return text
      .replaceAll(this.#mark, '')
      .replaceAll(this.#round, '')
      .replaceAll(UUID, (id) => {
        if (!this.#ids.has(id)) this.#ids.set(id, `<id ${this.#ids.size + 1}>`);
        return this.#ids.get(id) as string;
      })
      .replaceAll(STICKY, '<sticky>')
      .replaceAll(/\d+@[\w.-]+/g, '<identity>')
      .replaceAll(/\{"seconds":\d{9,},"nanos":\d+\}/g, '<time>')
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>');
  }

  #duration(at: string, key: string, seconds: number, into: Record<string, string>): void {
    // A run that follows another within a second waits for what is left of it.
    if (seconds === 0 || (key === 'firstWorkflowTaskBackoff' && seconds < 1)) return;
    into[at] = `${seconds} s`;
  }

  flatten(at: string, value: unknown, into: Record<string, string>): void {
    const key = at.split('.').at(-1) ?? '';
    if (value === null || value === undefined || NOISE.has(key)) return;
    if (value instanceof Uint8Array) into[at] = this.text(Buffer.from(value).toString('utf8'));
    else if (typeof value === 'object') {
      const { seconds, nanos } = value as { seconds?: number; nanos?: number };
      if (typeof seconds === 'number' || typeof nanos === 'number' || Object.keys(value).length === 0) {
        if (key.endsWith('Time')) into[at] = '<time>';
        else if (typeof seconds === 'number' || typeof nanos === 'number') this.#duration(at, key, (seconds ?? 0) + (nanos ?? 0) / 1e9, into);
        return; // an empty message says as much as none
      }
      for (const [name, inner] of Object.entries(value)) this.flatten(at === '' ? name : `${at}.${name}`, inner, into);
    } else into[at] = this.text(String(value));
  }
}
