/**
 * Interceptors: code around calls, for tracing, checks, context that travels along.
 *
 * An interceptor implements any of the methods of its interface. Each gets the input of the call and `next`, which goes on with the call;
 * it may change the input, look at the result, or not call `next` at all. Clients, workers, activities and workflow code compose their
 * chains with {@link composeInterceptors}, so the order is the same everywhere: the first of the list is the outermost.
 */

/** Goes on with the intercepted call: the next interceptor, or the call itself. */
export interface Next<Interceptor, Method extends keyof Interceptor> {
  // An interface, because a method mentions itself in the type of its `next`: members are looked at late.
  (input: InputOf<Required<Interceptor>[Method]>): ResultOf<Required<Interceptor>[Method]>;
}

type InputOf<Method> = Method extends (input: infer Input, next: never) => unknown ? Input : never;
type ResultOf<Method> = Method extends (input: never, next: never) => infer Result ? Result : never;

/** One function for a chain of interceptors around `next`. Without an interceptor for the method it is `next` itself. */
export function composeInterceptors<Interceptor, Method extends keyof Interceptor>(
  interceptors: readonly Interceptor[],
  method: Method,
  next: Next<Interceptor, Method>,
): Next<Interceptor, Method> {
  return interceptors.reduceRight((inner, interceptor) => {
    const intercept = interceptor[method] as ((input: unknown, next: unknown) => unknown) | undefined;
    return intercept === undefined ? inner : (((input: unknown) => intercept.call(interceptor, input, inner)) as Next<Interceptor, Method>);
  }, next);
}
