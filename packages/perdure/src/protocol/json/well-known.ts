/** The texts in which JSON writes protobuf's times, durations and field masks: the seconds and nanoseconds behind them, both ways. */
import { JsonFormatError } from './value.js';

export const TIMESTAMP = '.google.protobuf.Timestamp';
export const DURATION = '.google.protobuf.Duration';
export const FIELD_MASK = '.google.protobuf.FieldMask';
export const ANY = '.google.protobuf.Any';
export const PAYLOAD = '.temporal.api.common.v1.Payload';
export const PAYLOADS = '.temporal.api.common.v1.Payloads';
/** A message that JSON writes as the value that it wraps. */
export const isWrapper = (type: string): boolean => /^\.google\.protobuf\.(Double|Float|U?Int(32|64)|Bool|String|Bytes)Value$/.test(type);
/** A message that JSON does not write as an object of its fields: packed in an Any, it stands under `value`. */
export const isWrittenAsValue = (type: string): boolean => type === TIMESTAMP || type === DURATION || type === FIELD_MASK || type === ANY || isWrapper(type);

export interface SecondsAndNanos {
  readonly seconds: number;
  /** For durations of the same sign as the seconds. */
  readonly nanos: number;
}

/** From year 1 to year 9999, which is what RFC 3339 can write. */
const MIN_SECONDS = -62_135_596_800;
const MAX_SECONDS = 253_402_300_799;
const MAX_DURATION_SECONDS = 315_576_000_000;

/** `2026-01-02T03:04:05.678Z`, or with an offset. @throws JsonFormatError */
export function parseTimestamp(text: string, path: string): SecondsAndNanos {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/i.exec(text);
  const seconds = match === null ? Number.NaN : Date.parse(`${match[1]}${match[3]}`) / 1000;
  if (match === null || !(seconds >= MIN_SECONDS && seconds <= MAX_SECONDS)) {
    throw new JsonFormatError(`${path}: ${JSON.stringify(text.slice(0, 40))} is no time, such as "2026-01-02T03:04:05Z".`);
  }
  return { seconds, nanos: Number((match[2] ?? '').padEnd(9, '0')) };
}

/** `1.5s`. @throws JsonFormatError */
export function parseDuration(text: string, path: string): SecondsAndNanos {
  const match = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(text);
  if (match === null || Number(match[2]) > MAX_DURATION_SECONDS) {
    throw new JsonFormatError(`${path}: ${JSON.stringify(text.slice(0, 40))} is no duration, such as "1.5s".`);
  }
  const sign = match[1] === '-' ? -1 : 1;
  return { seconds: sign * Number(match[2]), nanos: sign * Number((match[3] ?? '').padEnd(9, '0')) };
}

/** What RFC 3339 cannot write becomes the nearest moment that it can. */
export function timestampText({ seconds, nanos }: SecondsAndNanos): string {
  const known = Math.min(Math.max(seconds, MIN_SECONDS), MAX_SECONDS);
  return `${new Date(known * 1000).toISOString().slice(0, 19)}${fraction(nanos)}Z`;
}

export function durationText({ seconds, nanos }: SecondsAndNanos): string {
  const sign = seconds < 0 || nanos < 0 ? '-' : '';
  return `${sign}${Math.abs(seconds)}${fraction(Math.abs(nanos))}s`;
}

/** Three, six or nine digits, as many as are needed. */
function fraction(nanos: number): string {
  if (nanos === 0) return '';
  const digits = String(nanos).padStart(9, '0');
  return `.${digits.replace(/(000){1,2}$/, '')}`;
}

/** Paths are separated by commas, and their names in camel case. */
export function parseFieldMask(text: string): string[] {
  return text === '' ? [] : text.split(',').map((path) => path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
}

export function fieldMaskText(paths: readonly string[]): string {
  return paths.map((path) => path.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())).join(',');
}
