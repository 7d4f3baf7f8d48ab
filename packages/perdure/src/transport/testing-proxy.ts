/** A proxy that takes CONNECT, for tests. */
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

/** Listens until the test is over. @returns `host:port` */
export async function listening(t: TestContext, server: net.Server): Promise<string> {
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Lets through who has the password, and tells what it was asked. */
export async function testProxy(t: TestContext, password?: string) {
  const asked: (string | undefined)[] = [];
  const tunnels: net.Socket[] = [];
  const server = http.createServer();
  server.on('connect', (request, client: net.Socket, head: Buffer) => {
    asked.push(request.url);
    client.on('error', () => undefined);
    if (password !== undefined && request.headers['proxy-authorization'] !== `Basic ${Buffer.from(password).toString('base64')}`) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    const [host, port] = (request.url ?? '').split(':');
    const upstream = net.connect({ host: host ?? '', port: Number(port) }, () => {
      client.write('HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n');
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    upstream.on('error', () => client.destroy());
    tunnels.push(client, upstream);
  });
  t.after(() => tunnels.forEach((socket) => socket.destroy()));
  return { asked, address: await listening(t, server) };
}
