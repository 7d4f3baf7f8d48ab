/** An independent gRPC implementation on the other end, for the tests of the door and of the client. */
import grpc from '@grpc/grpc-js';
import type { Init } from '../../protocol/codec.js';
import type { Method } from '../../protocol/method.js';

export interface ForeignClient {
  readonly client: grpc.Client;
  call<Request, Response>(method: Method<Request, Response>, request: Init<Request>, options?: ForeignCallOptions): Promise<Response>;
  close(): void;
}

export interface ForeignCallOptions extends grpc.CallOptions {
  readonly metadata?: Record<string, string>;
  readonly onCall?: (call: grpc.ClientUnaryCall) => void;
}

/** A client that shares nothing with others: a connection of its own. */
export function foreignClient(address: string, credentials = grpc.credentials.createInsecure(), options: grpc.ClientOptions = {}): ForeignClient {
  const client = new grpc.Client(address, credentials, { 'grpc.use_local_subchannel_pool': 1, 'grpc.enable_retries': 0, ...options });
  return {
    client,
    close: () => client.close(),
    call: (method, request, { metadata = {}, onCall, ...callOptions } = {}) =>
      new Promise((resolve, reject) => {
        const sent = new grpc.Metadata();
        for (const [key, value] of Object.entries(metadata)) sent.set(key, value);
        const call = client.makeUnaryRequest(
          method.path,
          (message) => Buffer.from(method.request.encode(message)),
          (bytes) => method.response.decode(bytes),
          request,
          sent,
          callOptions,
          (error, reply) => (error === null && reply !== undefined ? resolve(reply) : reject(error as grpc.ServiceError)),
        );
        onCall?.(call);
      }),
  };
}

export type ForeignHandler<Request, Response> = (call: grpc.ServerUnaryCall<Request, Init<Response>>, reply: grpc.sendUnaryData<Init<Response>>) => void;

export interface ForeignServer {
  readonly address: string;
  readonly server: grpc.Server;
}

/** A server with one method. */
export function foreignServer<Request, Response>(
  method: Method<Request, Response>,
  handler: ForeignHandler<Request, Response>,
  options: grpc.ServerOptions = {},
  credentials = grpc.ServerCredentials.createInsecure(),
  port = 0,
): Promise<ForeignServer> {
  const server = new grpc.Server(options);
  const definition: grpc.MethodDefinition<Request, Init<Response>> = {
    path: method.path,
    requestStream: false,
    responseStream: false,
    requestSerialize: () => Buffer.alloc(0),
    responseDeserialize: () => ({}) as Init<Response>,
    requestDeserialize: (bytes) => method.request.decode(bytes),
    responseSerialize: (reply) => Buffer.from(method.response.encode(reply)),
  };
  server.addService({ [method.name]: definition }, { [method.name]: handler });
  return new Promise((resolve, reject) =>
    server.bindAsync(`127.0.0.1:${port}`, credentials, (error, bound) => (error === null ? resolve({ server, address: `127.0.0.1:${bound}` }) : reject(error))),
  );
}
