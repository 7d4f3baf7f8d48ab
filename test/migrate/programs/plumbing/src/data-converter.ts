import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { METADATA_ENCODING_KEY, ValueError, type DataConverter, type Payload, type PayloadCodec } from '@temporalio/common';
import { decode, encode } from '@temporalio/common/lib/encoding';

const ENCODING = 'binary/zipped';

/** Zips each payload; the original, metadata included, is inside. */
export class ZipCodec implements PayloadCodec {
  async encode(payloads: Payload[]): Promise<Payload[]> {
    return Promise.all(
      payloads.map(async ({ metadata, data }) => {
        const names = Object.entries(metadata ?? {}).map(([name, value]) => [name, decode(value)]);
        const inner = JSON.stringify({ metadata: Object.fromEntries(names), data: Buffer.from(data ?? []).toString('base64') });
        return { metadata: { [METADATA_ENCODING_KEY]: encode(ENCODING) }, data: await promisify(gzip)(inner) };
      }),
    );
  }

  async decode(payloads: Payload[]): Promise<Payload[]> {
    return Promise.all(
      payloads.map(async (payload) => {
        if (decode(payload.metadata?.[METADATA_ENCODING_KEY] ?? new Uint8Array()) !== ENCODING) return payload;
        if (!payload.data) throw new ValueError('A zipped payload without data');
        const inner: { metadata: Record<string, string>; data: string } = JSON.parse((await promisify(gunzip)(payload.data)).toString());
        const metadata = Object.fromEntries(Object.entries(inner.metadata).map(([name, value]) => [name, encode(value)]));
        return { metadata, data: Buffer.from(inner.data, 'base64') };
      }),
    );
  }
}

export const dataConverter: DataConverter = {
  payloadConverterPath: require.resolve('./payload-converter'),
  failureConverterPath: require.resolve('./failure-converter'),
  payloadCodecs: [new ZipCodec()],
};
