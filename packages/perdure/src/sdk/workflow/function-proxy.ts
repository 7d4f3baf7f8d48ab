/** An object on which every name is a function of that name, made when it is first asked for. What `proxyActivities` gives. */
export function functionProxy(functionOf: (name: string) => unknown): object {
  const functions = new Map<string, unknown>();
  return new Proxy({}, {
    get(_target, name): unknown {
      if (typeof name !== 'string') throw new TypeError(`Activities have names, not symbols: ${String(name)}.`);
      let call = functions.get(name);
      if (call === undefined) functions.set(name, (call = functionOf(name)));
      return call;
    },
  });
}
