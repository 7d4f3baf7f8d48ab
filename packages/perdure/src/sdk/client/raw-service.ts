/**
 * Requests exactly as the protocol has them, for what the client's own methods do not cover.
 *
 * `connection.workflowService.describeNamespace({ namespace: 'default' })`: every RPC of a service as a method that takes the request
 * message and gives the response message. Namespace and identity are the caller's to fill in.
 */
import type { Init, Method } from '../../protocol/index.js';

type Methods = Readonly<Record<string, Method<never, never>>>;

type RequestOf<M> = M extends Method<infer Request, infer _> ? Request : never;
type ResponseOf<M> = M extends Method<infer _, infer Response> ? Response : never;

/** The methods of a service by their names in camel case. */
export type RawService<Service> = {
  readonly [Name in keyof Service & string as Uncapitalize<Name>]: (request: Init<RequestOf<Service[Name]>>) => Promise<ResponseOf<Service[Name]>>;
};

export type Call = <Request, Response>(method: Method<Request, Response>, request: Init<Request>) => Promise<Response>;

export function rawService<Service extends object>(service: Service, call: Call): RawService<Service> {
  const methods: Record<string, (request: never) => Promise<unknown>> = {};
  for (const method of Object.values(service as Methods)) {
    methods[method.name.charAt(0).toLowerCase() + method.name.slice(1)] = (request) => call(method, request);
  }
  return methods as unknown as RawService<Service>;
}
