/**
 * Ids of the spans of workflows, as a function of what they stand for.
 *
 * A span of a workflow may begin on one worker and end, days later, on another that has repeated the history. Its id went out with the
 * activities that it started, so a replay must come to the same id. It also must not touch the random numbers of workflow code, which
 * are a part of what history has recorded. So an id is a hash: of the run, and of what the span is about.
 */

/** 64 bits, as 16 hexadecimal digits; never all zero, which would be no id. */
export function spanIdFrom(seed: string): string {
  const id = hash(seed, 0x9e3779b1) + hash(seed, 0x85ebca77);
  return /^0+$/.test(id) ? '0000000000000001' : id;
}

/** 128 bits, as 32 hexadecimal digits. */
export function traceIdFrom(seed: string): string {
  return spanIdFrom(`${seed}/trace`) + spanIdFrom(`${seed}/trace/`);
}

/** 32 bits that depend on all of the text; no protection against whoever wants a collision. */
function hash(text: string, seed: number): string {
  let state = seed;
  for (let index = 0; index < text.length; index++) {
    state = Math.imul(state ^ text.charCodeAt(index), 0x01000193);
    state ^= state >>> 15;
  }
  state = Math.imul(state ^ (state >>> 16), 0x7feb352d);
  state = Math.imul(state ^ (state >>> 15), 0x846ca68b);
  return ((state ^ (state >>> 16)) >>> 0).toString(16).padStart(8, '0');
}
