/**
 * A time zone, and what happens to a time of day when its clock is changed: `Europe/Berlin`, or `Europe/Berlin?dst=once`.
 *
 * Without a rule every moment counts at which the clock shows the time: none if it is skipped, two if it comes twice. With `dst=once` a
 * time of day comes exactly once a day: one that is skipped comes as long after the change as it would have come, and shows that much
 * more (02:30 becomes 03:30); of one that comes twice the first counts.
 *
 * The rule is part of the zone's name because the name is what every client keeps and hands back unchanged, and because a server that
 * knows no rules refuses the name instead of following another rule.
 */
import { Zone } from './zone.js';

/** - `each`: whenever the clock shows it. - `once`: once a day. */
export type ChangeRule = 'each' | 'once';

export interface ZoneRule {
  readonly zone: Zone;
  readonly changes: ChangeRule;
}

const RULES: ReadonlyMap<string, ChangeRule> = new Map([
  ['dst=each', 'each'],
  ['dst=once', 'once'],
]);

/** Undefined: no such zone, or no such rule. */
export function findZoneRule(text: string): ZoneRule | undefined {
  const mark = text.indexOf('?');
  const changes = mark < 0 ? 'each' : RULES.get(text.slice(mark + 1));
  const zone = Zone.find(mark < 0 ? text : text.slice(0, mark));
  return zone === undefined || changes === undefined ? undefined : { zone, changes };
}
