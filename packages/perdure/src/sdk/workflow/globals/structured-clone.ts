/** `structuredClone` for plain data, Map, Set, Date, Error and bytes. Made in the realm, so that the copies are the realm's own. */
export function structuredClone<T>(value: T): T {
  return clone(value, new Map()) as T;
}

function clone(value: unknown, seen: Map<object, unknown>): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') throw new TypeError(`A ${typeof value} cannot be cloned.`);
  if (typeof value !== 'object' || value === null) return value;
  const known = seen.get(value);
  if (known !== undefined) return known;
  const remember = <Copy extends object>(copy: Copy): Copy => {
    seen.set(value, copy);
    return copy;
  };
  if (value instanceof Date) return remember(new Date(value.getTime()));
  if (value instanceof RegExp) return remember(new RegExp(value.source, value.flags));
  if (value instanceof ArrayBuffer) return remember(value.slice(0));
  if (value instanceof DataView) return remember(new DataView(value.buffer.slice(0) as ArrayBuffer, value.byteOffset, value.byteLength));
  if (ArrayBuffer.isView(value)) return remember((value as Uint8Array).slice());
  if (value instanceof Map) {
    const copy = remember(new Map<unknown, unknown>());
    for (const [key, item] of value) copy.set(clone(key, seen), clone(item, seen));
    return copy;
  }
  if (value instanceof Set) {
    const copy = remember(new Set<unknown>());
    for (const item of value) copy.add(clone(item, seen));
    return copy;
  }
  if (value instanceof Error) {
    const copy = remember(new Error(value.message));
    copy.name = value.name;
    if (value.stack !== undefined) copy.stack = value.stack;
    if (value.cause !== undefined) copy.cause = clone(value.cause, seen);
    return copy;
  }
  const copy = remember(Array.isArray(value) ? Array.from<unknown>({ length: value.length }) : {});
  for (const key of Object.keys(value)) {
    const item = clone((value as Record<string, unknown>)[key], seen);
    Object.defineProperty(copy, key, { value: item, writable: true, enumerable: true, configurable: true });
  }
  return copy;
}
