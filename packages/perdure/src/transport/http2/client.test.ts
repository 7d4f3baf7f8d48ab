/**
 * The client's HTTP/2 against Node's server, which is another implementation, and against servers that break the protocol: bytes written by
 * hand. What must hold: requests and replies arrive whole whatever the windows and tables are; what is broken ends the connection with a
 * reason, and every stream is closed once.
 */
import assert from 'node:assert/strict';
import http2, { type IncomingHttpHeaders, type ServerHttp2Stream, type ServerOptions } from 'node:http2';
import net, { type AddressInfo, type Server } from 'node:net';
import { test } from 'node:test';
import type { WireHeaders } from '../grpc-status.js';
import { Http2Client } from './client.js';
import { ErrorCode, FLAG_ACK, FLAG_END_HEADERS, FLAG_END_STREAM, FLAG_PADDED, frameHeader, FrameType, numberFrame, Setting, settingsFrame } from './frames.js';

interface Reply {
  readonly headers: WireHeaders[];
  readonly body: Buffer;
  readonly code: ErrorCode | undefined;
}

const COMMON = { ':method': 'POST', ':scheme': 'http', ':authority': 'test', ':path': '/a' };

async function connect(server: Server): Promise<Http2Client & { readonly ended: Promise<Error | undefined> }> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const socket = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
  let end: (reason: Error | undefined) => void = () => {};
  const ended = new Promise<Error | undefined>((resolve) => (end = resolve));
  return new Promise((resolve) => {
    const connection = new Http2Client(socket, {
      onReady: () => resolve(made),
      onGoAway: () => {},
      onClosed: (reason) => {
        server.close();
        end(reason);
        resolve(made);
      },
    });
    const made = Object.assign(connection, { ended });
  });
}

function request(connection: Http2Client, { key = '/a', common = COMMON, own = {}, body = Buffer.alloc(0) }: { key?: string; common?: Record<string, string>; own?: Record<string, string>; body?: Buffer } = {}): Promise<Reply> {
  return new Promise((resolve) => {
    const headers: WireHeaders[] = [];
    const parts: Buffer[] = [];
    let closed = 0;
    connection.open(
      { key, common, own },
      body,
      {
        onEnd: () => {},
        onHeaders: (received) => headers.push(received),
        onData: (bytes) => parts.push(bytes),
        onClosed: (code) => {
          assert.equal(++closed, 1, 'a stream is closed once');
          resolve({ headers, body: Buffer.concat(parts), code });
        },
      },
    );
  });
}

type OnStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

async function withNode(options: ServerOptions, onStream: OnStream, run: (connection: Http2Client) => Promise<void>): Promise<void> {
  const server = http2.createServer(options, undefined);
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    onStream(stream, headers);
  });
  const connection = await connect(server as unknown as Server);
  try {
    await run(connection);
  } finally {
    connection.destroy();
  }
}

/** Sends back what it gets, and the header `x`. */
const echo: OnStream = (stream, headers) => {
  const parts: Buffer[] = [];
  stream.on('data', (part: Buffer) => parts.push(part));
  stream.on('end', () => {
    stream.respond({ ':status': 200, 'x-echo': headers['x'] ?? '', path: headers[':path'] ?? '' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(Buffer.concat(parts));
  });
};

const pattern = (bytes: number): Buffer => Buffer.from(Array.from({ length: bytes }, (_, place) => (place * 31 + (place >> 8)) & 0xff));

for (const [name, options] of Object.entries<ServerOptions>({
  'usual settings': {},
  'small windows': { settings: { initialWindowSize: 1000 } },
  'no header table': { settings: { headerTableSize: 0 } },
  'large frames and windows': { settings: { maxFrameSize: 1_000_000, initialWindowSize: 10_000_000 } },
})) {
  test(`requests and replies arrive whole: ${name}`, async () => {
    await withNode(options, echo, async (connection) => {
      const sizes = [0, 1, 5000, 16_384, 16_385, 70_000, 5_000_000];
      const replies = await Promise.all(sizes.map((size, place) => request(connection, { body: pattern(size), own: { x: `value ${place}` } })));
      for (const [place, { headers, body, code }] of replies.entries()) {
        assert.equal(code, ErrorCode.NO_ERROR);
        assert.ok(body.equals(pattern(sizes[place] as number)), `${sizes[place]} bytes`);
        assert.deepEqual([headers.length, headers[0]?.['x-echo'], headers[1]?.['grpc-status']], [2, `value ${place}`, '0']);
      }
    });
  });
}

test('headers of every kind are understood by another implementation, and understood from it', async () => {
  await withNode({}, echo, async (connection) => {
    const printable = String.fromCharCode(...Array.from({ length: 0x7f - 0x21 }, (_, place) => 0x21 + place));
    // More different ones than the tables hold, each twice; long ones need more than one frame.
    for (let round = 0; round < 200; round++) {
      const path = `/method-${round % 90}-${'p'.repeat(40)}`;
      const common = { ...COMMON, ':path': path, te: 'trailers', authorization: 'secret' };
      const x = round % 20 === 7 ? `${printable} `.repeat(300).trim() : `${printable}${round}`;
      const [{ headers }] = await Promise.all([request(connection, { key: path, common, own: { x } }), request(connection, { key: path, common, own: { x: 'other' } })]);
      assert.deepEqual([headers[0]?.['x-echo'], headers[0]?.['path']], [x, path]);
    }
  });
});

test('a reply that comes before the request is sent ends it', async () => {
  const reset = new Promise<number>((resolve) => {
    void withNode(
      { settings: { initialWindowSize: 10 } },
      (stream) => {
        stream.on('close', () => resolve(stream.rstCode));
        stream.respond({ ':status': 200, 'grpc-status': '8' }, { endStream: true });
      },
      async (connection) => {
        const { headers, code } = await request(connection, { body: Buffer.alloc(100_000) });
        assert.deepEqual([headers[0]?.['grpc-status'], code], ['8', ErrorCode.NO_ERROR]);
        await reset;
      },
    );
  });
  assert.equal(await reset, ErrorCode.NO_ERROR);
});

test('a reset stream frees its place, and what still arrives of it harms nobody', async () => {
  const open: ServerHttp2Stream[] = [];
  await withNode(
    {},
    (stream, headers) => {
      open.push(stream);
      stream.respond({ ':status': 200 });
      stream.write(Buffer.alloc(100_000));
      if (headers['x'] === 'end') stream.end();
    },
    async (connection) => {
      const closed: unknown[] = [];
      const stream = connection.open({ key: '/a', common: COMMON }, Buffer.alloc(1), { onEnd: () => {}, onHeaders: () => connection.reset(stream, ErrorCode.CANCEL), onData: () => assert.fail('it was reset'), onClosed: (code) => closed.push(code) });
      const { body } = await request(connection, { own: { x: 'end' } });
      assert.equal(body.length, 100_000);
      assert.deepEqual(closed, [ErrorCode.CANCEL]);
      connection.reset(stream, ErrorCode.CANCEL);
      assert.equal(closed.length, 1);
    },
  );
});

test('pings are answered both ways', async () => {
  let answered = 0;
  await withNode({}, echo, async (connection) => {
    await new Promise<void>((resolve) => connection.ping(() => resolve(void answered++)));
  });
  assert.equal(answered, 1);
});

/** Frames by hand: what a server sends after the client's first request. */
const SETTINGS = settingsFrame([]);
const frame = (type: FrameType, flags: number, streamId: number, payload: Buffer = Buffer.alloc(0)): Buffer => Buffer.concat([frameHeader(type, flags, streamId, payload.length), payload]);
/** `:status 200`, from the static table. */
const STATUS_200 = Buffer.from([0x88]);
const OPEN = frame(FrameType.HEADERS, FLAG_END_HEADERS, 1, STATUS_200);

/** Settings that begin the bytes go out at once, the rest after the request. */
async function byHand(bytes: Buffer, inPieces = false) {
  const first = bytes.indexOf(SETTINGS) === 0 ? SETTINGS.length : bytes.length;
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.on('close', () => server.close());
    socket.setNoDelay(true);
    let at = first;
    const next = (): void => {
      if (at < bytes.length && !socket.destroyed) socket.write(bytes.subarray(at, ++at), () => setImmediate(next));
    };
    socket.once('data', () => {
      socket.write(bytes.subarray(0, first));
      socket.once('data', () => (inPieces ? next() : socket.write(bytes.subarray(first))));
    });
  });
  const connection = await connect(server);
  const reply = connection.closed ? undefined : await request(connection).finally(() => connection.destroy());
  return { reply, reason: connection.closed ? await connection.ended : undefined };
}

test('frames that come a byte at a time, padded, and between frames that mean nothing here', async () => {
  const padded = Buffer.concat([Buffer.from([3]), Buffer.from('body'), Buffer.alloc(3)]);
  const bytes = Buffer.concat([
    SETTINGS,
    frame(FrameType.PRIORITY, 0, 1, Buffer.alloc(5)),
    frame(0x42 as FrameType, 0xff, 0, Buffer.from('unknown')),
    frame(FrameType.HEADERS, FLAG_END_HEADERS, 1, Buffer.from([0x48, 0x03, 0x31, 0x30, 0x30])),
    frame(FrameType.HEADERS, 0, 1, STATUS_200),
    frame(FrameType.CONTINUATION, FLAG_END_HEADERS, 1, Buffer.from([0x00, 0x01, 0x61, 0x01, 0x62])),
    frame(FrameType.DATA, FLAG_PADDED, 1, padded),
    frame(FrameType.PING, FLAG_ACK, 0, Buffer.alloc(8)),
    frame(FrameType.DATA, FLAG_END_STREAM, 1),
  ]);
  for (const inPieces of [false, true]) {
    const { reply } = await byHand(bytes, inPieces);
    assert.deepEqual([reply?.headers.map((headers) => ({ ...headers })), reply?.body.toString(), reply?.code], [[{ ':status': '200', a: 'b' }], 'body', ErrorCode.NO_ERROR]);
  }
});

test('a server that breaks the protocol is left, with the reason', async () => {
  const endless = frame(FrameType.CONTINUATION, 0, 1, Buffer.alloc(16_384));
  const cases: Record<string, [Buffer, RegExp]> = {
    'HTTP/1': [Buffer.from('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'), /larger than allowed, or this is not HTTP\/2/],
    'no settings': [OPEN, /does not begin with its settings/],
    'a huge frame': [Buffer.concat([SETTINGS, frameHeader(FrameType.DATA, 0, 1, 20_000)]), /a frame of 20000 bytes/],
    'a stream that never was': [Buffer.concat([SETTINGS, frame(FrameType.HEADERS, FLAG_END_HEADERS, 7, STATUS_200)]), /there is no stream 7/],
    'data without a stream': [Buffer.concat([SETTINGS, frame(FrameType.DATA, 0, 0, Buffer.alloc(1))]), /there is no stream 0/],
    'an interrupted header block': [Buffer.concat([SETTINGS, frame(FrameType.HEADERS, 0, 1, STATUS_200), frame(FrameType.DATA, 0, 1)]), /interrupted/],
    'a continuation of nothing': [Buffer.concat([SETTINGS, frame(FrameType.CONTINUATION, FLAG_END_HEADERS, 1, STATUS_200)]), /has not begun/],
    'an endless header block': [Buffer.concat([SETTINGS, frame(FrameType.HEADERS, 0, 1), ...Array.from({ length: 17 }, () => endless)]), /too large/],
    'empty continuations': [Buffer.concat([SETTINGS, frame(FrameType.HEADERS, 0, 1), frame(FrameType.CONTINUATION, 0, 1)]), /continues with nothing/],
    'an index out of the table': [Buffer.concat([SETTINGS, frame(FrameType.HEADERS, FLAG_END_HEADERS, 1, Buffer.from([0xff, 0x80, 0x01]))]), /no header with the index/],
    'index zero': [Buffer.concat([SETTINGS, frame(FrameType.HEADERS, FLAG_END_HEADERS, 1, Buffer.from([0x80]))]), /no header with the index 0/],
    'an endless integer': [Buffer.concat([SETTINGS, frame(FrameType.HEADERS, FLAG_END_HEADERS, 1, Buffer.alloc(12, 0xff))]), /integer is too large/],
    'a table larger than ours': [Buffer.concat([SETTINGS, frame(FrameType.HEADERS, FLAG_END_HEADERS, 1, Buffer.from([0x3f, 0xff, 0x7f]))]), /larger than allowed/],
    'a header cut off': [Buffer.concat([SETTINGS, frame(FrameType.HEADERS, FLAG_END_HEADERS, 1, Buffer.from([0x00, 0x05, 0x61]))]), /cut off/],
    'malformed Huffman code': [Buffer.concat([SETTINGS, frame(FrameType.HEADERS, FLAG_END_HEADERS, 1, Buffer.from([0x00, 0x84, 0xff, 0xff, 0xff, 0xff]))]), /Huffman/],
    'a push': [Buffer.concat([SETTINGS, frame(FrameType.PUSH_PROMISE, FLAG_END_HEADERS, 1, Buffer.alloc(4))]), /pushes/],
    'a window that grows by nothing': [Buffer.concat([SETTINGS, numberFrame(FrameType.WINDOW_UPDATE, 0, 0)]), /window/],
    'a window that overflows': [Buffer.concat([SETTINGS, numberFrame(FrameType.WINDOW_UPDATE, 0, 2 ** 31 - 1)]), /window/],
    'an initial window that overflows': [Buffer.concat([SETTINGS, settingsFrame([[Setting.INITIAL_WINDOW_SIZE, 2 ** 31]])]), /window/],
    'a frame limit out of range': [settingsFrame([[Setting.MAX_FRAME_SIZE, 1]]), /out of range/],
    'settings of a wrong length': [frame(FrameType.SETTINGS, 0, 0, Buffer.alloc(5)), /wrong length/],
    'a ping of a wrong length': [Buffer.concat([SETTINGS, frame(FrameType.PING, 0, 0, Buffer.alloc(7))]), /wrong length/],
    'more padding than frame': [Buffer.concat([SETTINGS, OPEN, frame(FrameType.DATA, FLAG_PADDED, 1, Buffer.from([9, 0]))]), /padding/],
  };
  for (const [name, [bytes, message]] of Object.entries(cases)) {
    const { reply, reason } = await byHand(bytes);
    assert.match(reason?.message ?? '', message, name);
    assert.equal(reply?.code, undefined, name);
  }
});

test('after a farewell the requests that the server has not seen are given back, the others finish, and the connection ends', async () => {
  const farewell = Buffer.alloc(8);
  farewell.writeUInt32BE(1, 0);
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write(SETTINGS);
      setTimeout(() => socket.write(Buffer.concat([frame(FrameType.GOAWAY, 0, 0, farewell), frame(FrameType.HEADERS, FLAG_END_HEADERS | FLAG_END_STREAM, 1, STATUS_200)])), 20);
    });
  });
  const connection = await connect(server);
  const [first, second] = await Promise.all([request(connection), request(connection)]);
  assert.deepEqual([first.code, second.code], [ErrorCode.NO_ERROR, ErrorCode.REFUSED_STREAM]);
  assert.equal(await connection.ended, undefined);
  assert.throws(() => connection.open({ key: '', common: {} }, Buffer.alloc(0), { onHeaders() {}, onData() {}, onEnd() {}, onClosed() {} }), /no more requests/);
});

test('a connection that breaks closes every stream', async () => {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write(SETTINGS);
      setTimeout(() => socket.destroy(), 20);
    });
  });
  const connection = await connect(server);
  const replies = await Promise.all([request(connection), request(connection, { body: Buffer.alloc(1_000_000) })]);
  assert.deepEqual(replies.map(({ code }) => code), [undefined, undefined]);
});
