/**
 * `perdure codec-server`: decodes payloads for consoles and tools, where the keys are.
 *
 * Exit codes: 0 stopped by a signal, 1 it could not start, 2 the command was not understood.
 */
import { timingSafeEqual, createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Server } from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { createCodecServer, type CodecRequest, type CodecServerOptions } from '../sdk/codec/index.js';
import { ExitCode, type FlagValues } from './spec.js';

type Codecs = CodecServerOptions['codecs'];

const THIS_MACHINE = new Set(['127.0.0.1', '::1', 'localhost']);

export async function codecServer(flags: FlagValues): Promise<ExitCode> {
  const file = flags.string('codecs');
  const ip = flags.string('ip') ?? '127.0.0.1';
  const tokenName = flags.string('token-env');
  if (file === undefined) return misused('Name the module that exports the codecs: --codecs ./codecs.js');
  if (tokenName === undefined && !THIS_MACHINE.has(ip)) return misused(`On ${ip} everybody who reaches it could read payloads. Protect it with --token-env NAME.`);
  const token = tokenName === undefined ? undefined : process.env[tokenName];
  if (tokenName !== undefined && !token) return misused(`The environment variable ${tokenName} is not set.`);

  const codecs = await load(path.resolve(file));
  if (typeof codecs === 'string') return failed(codecs);
  const server = createCodecServer({ codecs, allowedOrigins: flags.strings('cors-origin'), ...(token && { authorize: bearer(token) }) });
  const port = flags.int('port') ?? 8081;
  try {
    await once(server.listen(port, ip), 'listening');
  } catch (error) {
    return failed(`Cannot listen on ${ip}:${port}: ${error instanceof Error ? error.message : String(error)}`);
  }
  process.stdout.write(`Codec server: ${addressOf(server)}/encode and /decode\n`);
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  server.close();
  server.closeAllConnections();
  return ExitCode.OK;
}

/** The codecs, or what is wrong with the file. */
async function load(file: string): Promise<Codecs | string> {
  let loaded: { readonly codecs?: unknown };
  try {
    loaded = (await import(pathToFileURL(file).href)) as { readonly codecs?: unknown };
  } catch (error) {
    return `Cannot load ${file}: ${error instanceof Error ? error.message : String(error)}`;
  }
  return isCodecs(loaded.codecs) ? loaded.codecs : `${file} must export \`codecs\`: an array of payload codecs, or a function from a namespace to one.`;
}

function isCodecs(value: unknown): value is Codecs {
  return typeof value === 'function' || (Array.isArray(value) && value.every((codec: unknown) => typeof codec === 'object' && codec !== null && 'encode' in codec && 'decode' in codec));
}

function bearer(token: string): (request: CodecRequest) => boolean {
  // Digests have one length, which the comparison needs, and it takes the same time for every wrong token.
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const expected = digest(`Bearer ${token}`);
  return ({ authorization }) => timingSafeEqual(digest(authorization ?? ''), expected);
}

function addressOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === 'string') return String(address);
  return `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
}

function misused(message: string): ExitCode {
  process.stderr.write(`${message}\n"perdure codec-server --help" lists the flags.\n`);
  return ExitCode.USAGE;
}

function failed(message: string): ExitCode {
  process.stderr.write(`${message}\n`);
  return ExitCode.FAILURE;
}
