/** Which attribute a name in a query means, and of what type it is. */
import { PROBLEM_ATTRIBUTE } from '../machines/listing.js';
import { PREDEFINED_ATTRIBUTES, SYSTEM_ATTRIBUTES, type SearchAttributeTypes } from '../machines/search-attributes/names.js';
import { IndexedValueType } from '../protocol/index.js';
import { KEY_ATTRIBUTE } from './condition.js';
import { didYouMean, QueryProblem } from './query-problem.js';
import type { Name } from './syntax.js';

export interface Attribute {
  readonly name: string;
  readonly type: IndexedValueType;
}

/** Schedules are listed by the same language, and call their key by another name. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['ScheduleId', KEY_ATTRIBUTE],
  ['TemporalScheduleId', KEY_ATTRIBUTE],
]);
const PROBLEM_NAME = 'FailureMessage';
const PREFIX = 'Temporal';

/**
 * The namespace's own attributes come first, then the system's and the predefined ones, these also without their prefix `Temporal`.
 * @param keyName another name by which these lists know the key
 * @throws QueryProblem there is none, with the one that was probably meant
 */
export function resolve({ text, position }: Name, custom: SearchAttributeTypes, keyName?: string): Attribute {
  for (const name of [text, text === keyName ? KEY_ATTRIBUTE : ALIASES.get(text), `${PREFIX}${text}`, text.startsWith(PREFIX) ? text.slice(PREFIX.length) : undefined]) {
    if (name === undefined) continue;
    const type = (name === text ? custom.get(name) : undefined) ?? SYSTEM_ATTRIBUTES.get(name) ?? PREDEFINED_ATTRIBUTES.get(name);
    if (type !== undefined) return { name, type };
  }
  // Beyond Temporal's server, and so behind everything that has the name there.
  if (text === PROBLEM_NAME) return { name: PROBLEM_ATTRIBUTE, type: IndexedValueType.TEXT };
  const known = [PROBLEM_NAME, ...custom.keys(), ...SYSTEM_ATTRIBUTES.keys(), ...PREDEFINED_ATTRIBUTES.keys()];
  const advice = didYouMean(text, known) || 'Custom attributes have to be added to the namespace first.';
  throw new QueryProblem(`invalid search attribute: ${text}`, position, advice);
}
