/** Histories as they come: JSON of any tool of the field, protobuf bytes, files of either, or straight from a server. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { History } from '../protocol/index.js';
import { binaryToJson } from '../protocol/json/index.js';
import type { Client } from '../sdk/client/index.js';
import { HistoryFormatError, jsonToBinary } from './history-json/encode.js';

/** One execution's history, with the id under which it ran. */
export interface NamedHistory {
  readonly workflowId: string;
  readonly history: History;
}

/**
 * Reads a history that was exported as JSON: an object with `events`, or the list of events.
 *
 * @param json text, or what was parsed from it @throws HistoryFormatError if it is none
 * @example const history = historyFromJson(await readFile('order-17.json', 'utf8'));
 */
export function historyFromJson(json: unknown): History {
  let parsed = json;
  try {
    if (typeof json === 'string') parsed = JSON.parse(json);
  } catch (error) {
    throw new HistoryFormatError(`The history is no JSON: ${(error as Error).message}`, { cause: error });
  }
  // Some tools wrap it once more.
  const object = parsed as { readonly history?: unknown; readonly events?: unknown } | null;
  const history = Array.isArray(parsed) ? { events: parsed } : object?.events === undefined && object?.history !== undefined ? object.history : parsed;
  const { events } = (history ?? {}) as { readonly events?: unknown };
  if (!Array.isArray(events)) throw new HistoryFormatError('The history has no list of events: export it with `temporal workflow show --output json`, or from a console.');
  return History.decode(jsonToBinary('temporal.api.history.v1.History', { events }));
}

/**
 * A history as JSON that replayers read: this one (`historyFromJson`, `perdure replay`) and those of every Temporal SDK.
 *
 * @example await writeFile('order-17.json', historyToJson(await handle.fetchHistory()));
 */
export function historyToJson(history: History): string {
  return binaryToJson('temporal.api.history.v1.History', History.encode(history), { payloadShorthand: false });
}

/** Reads a file with a history in JSON or protobuf. @throws HistoryFormatError, and what reading a file throws */
export function readHistoryFile(file: string): NamedHistory {
  const bytes = readFileSync(file);
  const workflowId = path.basename(file).replace(/\.(json|bin|pb|binpb)$/, '');
  try {
    const text = textOf(bytes.subarray(0, 100));
    const history = /^\s*[[{]/.test(text) ? historyFromJson(textOf(bytes)) : History.decode(bytes);
    if (history.events.length > 0) return { workflowId, history };
  } catch (error) {
    throw new HistoryFormatError(`${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  throw new HistoryFormatError(`${file}: the history has no events.`);
}

/** Without a byte order mark. Some shells write UTF-16 when a tool's output goes to a file. */
function textOf(bytes: Uint8Array): string {
  return new TextDecoder(bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : 'utf-8').decode(bytes);
}

/** The files that a path stands for: itself, or what lies in the folder, in the order of the names. */
export function historyFiles(given: string): string[] {
  if (!statSync(given).isDirectory()) return [given];
  return readdirSync(given)
    .filter((name) => /\.(json|bin|pb|binpb)$/.test(name))
    .sort()
    .map((name) => path.join(given, name));
}

/** Histories from a server, one by one, of the latest runs of these executions. @throws WorkflowNotFoundError */
export async function* historiesFromServer(client: Client, workflowIds: Iterable<string>): AsyncGenerator<NamedHistory, void, undefined> {
  for (const workflowId of workflowIds) yield { workflowId, history: await client.workflow.getHandle(workflowId).fetchHistory() };
}
