/**
 * Which workers live, as they say themselves with their heartbeats. For operators: nothing is decided by it, and it is not durable, because
 * workers say it again within a minute.
 *
 * Bounded: a worker that is silent for {@link SILENT_MS} is forgotten, beyond {@link MAX_WORKERS} the one that is silent for longest, and
 * a heartbeat that is absurdly large is not kept. A worker that says that it has shut down is forgotten at once.
 */
import type { Clock } from '../ports/index.js';
import { WorkerHeartbeat, WorkerStatus } from '../protocol/index.js';
import type { WorkerFilter } from './worker-query.js';

/** Workers send a heartbeat once a minute. */
const SILENT_MS = 5 * 60_000;
const MAX_WORKERS = 20_000;
const MAX_HEARTBEAT_BYTES = 16 * 1024;

interface Known {
  readonly namespaceId: string;
  readonly heartbeat: WorkerHeartbeat;
  /** On the monotonic clock. */
  readonly heardAt: number;
}

export interface WorkerPage {
  readonly workers: readonly WorkerHeartbeat[];
  /** There are more, behind this instance key. */
  readonly next: string | undefined;
}

export class WorkerRegistry {
  readonly #clock: Pick<Clock, 'monotonic'>;
  /** By namespace and instance key, the one that is silent for longest first. */
  readonly #known = new Map<string, Known>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** Remembers what the workers say. */
  record(namespaceId: string, heartbeats: readonly WorkerHeartbeat[]): void {
    for (const heartbeat of heartbeats) {
      const key = keyOf(namespaceId, heartbeat.workerInstanceKey);
      this.#known.delete(key);
      if (heartbeat.status === WorkerStatus.SHUTDOWN) continue;
      const bytes = WorkerHeartbeat.encode(heartbeat);
      // Decoded from bytes of its own: what came in is part of a request, which it would keep in memory.
      if (bytes.byteLength <= MAX_HEARTBEAT_BYTES) this.#known.set(key, { namespaceId, heartbeat: WorkerHeartbeat.decode(bytes), heardAt: this.#clock.monotonic() });
    }
    this.#forgetSilent();
  }

  forget(namespaceId: string, instanceKey: string): void {
    this.#known.delete(keyOf(namespaceId, instanceKey));
  }

  find(namespaceId: string, instanceKey: string): WorkerHeartbeat | undefined {
    this.#forgetSilent();
    return this.#known.get(keyOf(namespaceId, instanceKey))?.heartbeat;
  }

  count(namespaceId: string, filter: WorkerFilter): number {
    return this.#matching(namespaceId, filter).length;
  }

  /** In the order of their instance keys. @param after the instance key at which the page before ended */
  list(namespaceId: string, filter: WorkerFilter, limit: number, after?: string): WorkerPage {
    const rest = this.#matching(namespaceId, filter).filter(({ workerInstanceKey }) => after === undefined || workerInstanceKey > after);
    rest.sort((a, b) => (a.workerInstanceKey < b.workerInstanceKey ? -1 : 1));
    const workers = rest.slice(0, limit);
    return { workers, next: rest.length > limit ? workers.at(-1)?.workerInstanceKey : undefined };
  }

  #matching(namespaceId: string, filter: WorkerFilter): WorkerHeartbeat[] {
    this.#forgetSilent();
    const found: WorkerHeartbeat[] = [];
    for (const known of this.#known.values()) if (known.namespaceId === namespaceId && filter(known.heartbeat)) found.push(known.heartbeat);
    return found;
  }

  #forgetSilent(): void {
    const heardSince = this.#clock.monotonic() - SILENT_MS;
    for (const [key, { heardAt }] of this.#known) {
      if (heardAt > heardSince && this.#known.size <= MAX_WORKERS) return;
      this.#known.delete(key);
    }
  }
}

const keyOf = (namespaceId: string, instanceKey: string): string => `${namespaceId}/${instanceKey}`;
