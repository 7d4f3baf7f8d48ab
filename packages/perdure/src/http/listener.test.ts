/** The sockets under the HTTP doors: encrypted if asked for, bounded, and closed in order even if a client does not cooperate. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import type { ServerResponse } from 'node:http';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { openHttpListener, type HttpListenerOptions } from './listener.js';

const ok: HttpListenerOptions['site'] = (_request, response) => void response.end('ok');

function open(options: Partial<HttpListenerOptions> = {}) {
  return openHttpListener({ host: '127.0.0.1', port: 0, site: ok, ...options });
}

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test('TLS', { skip: !hasOpenssl() && 'the openssl program makes the certificate' }, async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perdure-https-'));
  try {
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', 'key.pem', '-out', 'cert.pem'], { cwd: folder, stdio: 'ignore' });
    const pem = (name: string): Buffer => fs.readFileSync(path.join(folder, name));
    const listener = await open({ tls: { cert: pem('cert.pem'), key: pem('key.pem') } });
    const answer = await new Promise<number | undefined>((resolve, reject) => {
      https.get({ host: '127.0.0.1', port: listener.port, ca: pem('cert.pem'), agent: false }, (response) => resolve(response.resume().statusCode)).on('error', reject);
    });
    assert.equal(answer, 200);
    await assert.rejects(fetch(`http://${listener.address}/`), 'plain text is not answered');
    await listener.close(0);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
});

test('headers and connections are bounded', async () => {
  const listener = await open({ limits: { httpHeaderBytes: 2048, httpConnections: 2 } });
  const sockets = [net.connect(listener.port, '127.0.0.1'), net.connect(listener.port, '127.0.0.1')];
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  sockets[0]?.write(`GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(4000)}\r\n\r\n`);
  sockets[1]?.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  const answers = await Promise.all(sockets.map(async (socket) => String((await once(socket, 'data'))[0])));
  assert.match(answers[0] as string, /^HTTP\/1\.1 431/);
  assert.match(answers[1] as string, /^HTTP\/1\.1 200/);
  const more = Array.from({ length: 4 }, () => net.connect(listener.port, '127.0.0.1'));
  // The server closes those beyond the limit without a word.
  await Promise.race(more.map((socket) => new Promise((resolve) => socket.on('error', () => {}).resume().once('close', resolve))));
  for (const socket of [...sockets, ...more]) socket.destroy();
  await listener.close(0);
});

test('what is under way at the end gets its grace, and no more', async () => {
  const held: ServerResponse[] = [];
  let arrived: () => void = () => {};
  const listener = await open({
    site: (_request, response) => {
      held.push(response);
      arrived();
    },
  });
  const nextArrival = (): Promise<void> => new Promise((resolve) => (arrived = resolve));
  let arrival = nextArrival();
  const finished = fetch(`http://${listener.address}/`);
  await arrival;
  arrival = nextArrival();
  const stuck = assert.rejects(fetch(`http://${listener.address}/`));
  await arrival;
  const closed = listener.close(50);
  held[0]?.end('done');
  assert.equal(await (await finished).text(), 'done');
  await closed;
  await stuck;
  await assert.rejects(fetch(`http://${listener.address}/`));
});

test('a connection whose call has been answered does not hold up the end', { timeout: 20_000 }, async () => {
  let answer: () => void = () => {};
  const arrived = new Promise<void>((resolve) => {
    answer = resolve;
  });
  let held: ServerResponse | undefined;
  const listener = await open({
    site: (_request, response) => {
      held = response;
      answer();
    },
  });
  const reply = fetch(`http://${listener.address}/`);
  await arrived;
  const closed = listener.close(600_000);
  held?.end('done');
  assert.equal(await (await reply).text(), 'done');
  await closed;
});
