/** The webhook: an HTTP server that finishes the activity that the call is about. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { ActivityNotFoundError, type Client } from 'perdure/client';
import { ApplicationFailure } from 'perdure/common';
import type { Paid } from './activities.js';

/** What the provider sends. In real life, check its signature first. */
interface Call {
  readonly callback: string;
  readonly paid?: Paid;
  readonly refused?: string;
}

const MOST_BYTES = 64 * 1024;

export function webhook(client: Client): Server {
  return createServer((request, response) => {
    handle(request, client).then(
      (status) => response.writeHead(status).end(),
      () => response.writeHead(500).end(), // the provider calls again later
    );
  });
}

async function handle(request: IncomingMessage, client: Client): Promise<number> {
  const call = await read(request);
  if (call === undefined) return 400;
  const token = Buffer.from(call.callback, 'base64');
  try {
    if (call.paid !== undefined) await client.activity.complete(token, call.paid);
    else await client.activity.fail(token, ApplicationFailure.nonRetryable(call.refused ?? 'refused', 'PaymentRefused'));
    return 200;
  } catch (error) {
    // Called twice, or after the timeout: there is nothing left to do, and calling again would not help.
    if (error instanceof ActivityNotFoundError) return 200;
    throw error;
  }
}

async function read(request: IncomingMessage): Promise<Call | undefined> {
  let text = '';
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > MOST_BYTES) return undefined;
  }
  try {
    const call = JSON.parse(text) as Partial<Call>;
    return typeof call.callback === 'string' ? { ...call, callback: call.callback } : undefined;
  } catch {
    return undefined;
  }
}
