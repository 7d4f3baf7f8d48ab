/** A transport that tells the recorder of each call: for our SDK, in process and over gRPC. */
import { RpcError, type Init, type Method } from '#perdure/protocol/index';
import type { CallOptions, Transport } from '#perdure/transport/transport';
import type { Recorder } from './recorder.js';

export class RecordingTransport implements Transport {
  readonly #inner: Transport;
  readonly #recorder: Recorder;
  readonly #mark: string | undefined;

  /** @param mark the scenario that all calls belong to; left out for shared workers */
  constructor(inner: Transport, recorder: Recorder, mark?: string) {
    this.#inner = inner;
    this.#recorder = recorder;
    this.#mark = mark;
  }

  async call<Request, Response>(method: Method<Request, Response>, request: Init<Request>, options?: CallOptions): Promise<Response> {
    const known = method as unknown as Method<unknown, unknown>;
    const sent = method.request.create(request);
    try {
      const response = await this.#inner.call(method, request, options);
      this.#recorder.called(known, this.#mark, sent, { response });
      return response;
    } catch (error) {
      if (error instanceof RpcError) {
        const details = error.details.map((detail) => detail.typeUrl.replace(/.*\//, ''));
        this.#recorder.called(known, this.#mark, sent, { refusal: { code: error.code, message: error.message, details } });
      }
      throw error;
    }
  }

  /** The inner transport belongs to whoever made it. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}
