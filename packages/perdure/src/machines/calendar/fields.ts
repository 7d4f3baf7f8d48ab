/** One field of a cron string: `*`, `?`, numbers, names, ranges and steps, separated by commas. */

export interface FieldSpec {
  /** As it is called in messages. */
  readonly name: string;
  readonly least: number;
  readonly most: number;
  /** Names of the values, from `least` on. */
  readonly names?: readonly string[];
}

export interface Field {
  /** Ascending. */
  readonly values: readonly number[];
  /** The field says nothing: `*` or `?`. */
  readonly isAny: boolean;
}

/** What is wrong with a text, in words for its author. */
export class CronError extends Error {
  override readonly name = 'CronError';
}

/** @throws CronError */
export function parseField(text: string, spec: FieldSpec): Field {
  const values = new Set<number>();
  let isAny = false;
  for (const item of text.split(',')) {
    const { from, to, step, any } = parseItem(item, spec);
    if (any) isAny = true;
    for (let value = from; value <= to; value += step) values.add(value);
  }
  return { values: [...values].sort((a, b) => a - b), isAny };
}

function parseItem(item: string, spec: FieldSpec): { from: number; to: number; step: number; any: boolean } {
  const [range = '', stepText, ...more] = item.split('/');
  if (more.length > 0) throw new CronError(`the ${spec.name} field has more than one "/" in "${item}"`);
  const step = stepText === undefined ? 1 : parseStep(stepText, item, spec);
  if (range === '*' || range === '?') return { from: spec.least, to: spec.most, step, any: step === 1 };
  const [first = '', last, ...rest] = range.split('-');
  if (rest.length > 0) throw new CronError(`the ${spec.name} field has more than one "-" in "${item}"`);
  const from = parseValue(first, item, spec);
  // `5/15` means from 5 on.
  const to = last === undefined ? (stepText === undefined ? from : spec.most) : parseValue(last, item, spec);
  if (to < from) throw new CronError(`the ${spec.name} field has the range "${item}", which ends before it begins`);
  return { from, to, step, any: false };
}

function parseStep(text: string, item: string, spec: FieldSpec): number {
  const step = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (step === 0) throw new CronError(`the ${spec.name} field has the step "${item}": a step is a whole number from 1 on`);
  return step;
}

function parseValue(text: string, item: string, { name, least, most, names }: FieldSpec): number {
  const named = names?.indexOf(text.toLowerCase()) ?? -1;
  if (named >= 0) return least + named;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (Number.isNaN(value)) throw new CronError(`the ${name} field has "${item}", which is no number${names === undefined ? '' : ' and no name'}`);
  if (value < least || value > most) throw new CronError(`the ${name} field has ${value}: ${least} to ${most} are possible`);
  return value;
}
