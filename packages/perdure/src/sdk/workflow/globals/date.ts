/** `Date` whose "now" is workflow time. Everything that is given a time works as ever. */
export function deterministicDate(RealDate: DateConstructor, now: () => number): DateConstructor {
  const WorkflowDate = new Proxy(RealDate, {
    apply: () => new RealDate(now()).toString(),
    construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as object,
  });
  RealDate.now = now;
  // Without this, `new date.constructor()` would be a way around.
  Object.defineProperty(RealDate.prototype, 'constructor', { value: WorkflowDate, writable: true, configurable: true });
  return WorkflowDate;
}
