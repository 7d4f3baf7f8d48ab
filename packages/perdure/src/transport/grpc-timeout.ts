/** The header `grpc-timeout`: up to eight digits and a unit. */
const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };
const MAX_DIGITS_VALUE = 99_999_999;

/** Node refuses longer timers (it would fire them at once). A call with a later deadline is a call without one. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** Rounds up, so that the server never gives up before the client does. */
export function formatTimeout(timeoutMs: number): string {
  const millis = Math.max(0, Math.ceil(timeoutMs));
  if (millis <= MAX_DIGITS_VALUE) return `${millis}m`;
  const seconds = Math.ceil(millis / 1000);
  if (seconds <= MAX_DIGITS_VALUE) return `${seconds}S`;
  return `${Math.min(MAX_DIGITS_VALUE, Math.ceil(seconds / 3600))}H`;
}

/** Milliseconds, or `undefined` if the text is not a timeout. */
export function parseTimeout(text: string): number | undefined {
  const match = /^([0-9]{1,8})([HMSmun])$/.exec(text);
  if (match === null) return undefined;
  return Number(match[1]) * (UNIT_MS[match[2] as string] as number);
}
