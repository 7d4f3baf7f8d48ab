/** What struck and what was played in many seeds, counted: a kind that never comes shows nothing. */
import type { Fault } from '#perdure/simulation/faults';
import type { EngineRun } from './engine-run.js';

/** What a fault is a case of, in the words of those who ask what was tried. */
function nameOf(fault: Fault): string {
  switch (fault.kind) {
    case 'serverCrash':
      return fault.moment === 'before' ? 'server dies, commit lost before it is synced' : 'server dies, commit synced and not told';
    case 'serverCrashInRead':
      return 'server dies in a read';
    case 'workerCrash':
      return 'worker dies at a commit';
    case 'workerCrashInCall':
      return fault.moment === 'before' ? 'worker dies before its call is heard' : 'worker dies before it hears the reply';
    case 'commitRefused':
      return fault.reason === 'full' ? 'disk full' : 'write fails';
    case 'commitSlow':
      return 'write slow';
    case 'readRefused':
      return `read fails (${fault.reason})`;
    case 'readSlow':
      return 'read slow';
    case 'requestLost':
      return 'request dropped';
    case 'replyLost':
      return 'reply dropped';
    case 'duplicate':
      return 'request duplicated';
    case 'requestDelayed':
      return 'request delayed';
    case 'replyDelayed':
      return 'reply delayed';
    case 'clockJump':
      return fault.byMs < 0 ? 'clock set back' : 'clock set forward';
  }
}

export const FAULT_NAMES = 19;

export class Tally {
  readonly faults = new Map<string, number>();
  readonly stories = new Map<string, number>();
  overtaken = 0;

  add({ faults, stories, overtaken }: EngineRun): void {
    for (const fault of faults) count(this.faults, nameOf(fault));
    for (const story of stories) count(this.stories, story.replace(/-\d+$/, ''));
    this.overtaken += overtaken;
  }

  toString(): string {
    return [`Faults: ${shown(this.faults)}; requests overtaken by later ones ${this.overtaken}.`, `Stories: ${shown(this.stories)}.`].join('\n');
  }
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function shown(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, times]) => `${name} ${times}`)
    .join(', ');
}
