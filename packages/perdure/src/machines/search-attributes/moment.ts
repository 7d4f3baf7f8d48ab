/** Points in time as search attributes and queries write them: RFC 3339. */

const MOMENT = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$/i;

/** Milliseconds since the epoch, with what is written behind them as a fraction; undefined if the text is no such time. */
export function parseMoment(text: string): number | undefined {
  const match = MOMENT.exec(text);
  if (match === null) return undefined;
  const [, date, time, fraction = '', zone = 'Z'] = match;
  const wholeMs = Date.parse(`${date}T${time}${zone.toUpperCase()}`);
  return Number.isNaN(wholeMs) ? undefined : wholeMs + (fraction === '' ? 0 : Number(fraction) * 1000);
}
