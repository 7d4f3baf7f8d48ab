/**
 * `perdure workflow export`: histories as files of JSON, which replayers read (`perdure replay --history FOLDER`).
 *
 * Exit codes: 0 they are written, 1 the server cannot be reached or refuses, a file cannot be written, or no history was found.
 */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Client, Connection, ServiceError, WorkflowNotFoundError, type ListedHistory } from '../sdk/client/index.js';
import { historyToJson } from '../testing/index.js';
import { ExitCode, type FlagValues } from './spec.js';

export async function exportHistories(flags: FlagValues): Promise<ExitCode> {
  const folder = path.resolve(flags.string('output-dir') ?? 'histories');
  const connection = await Connection.connect({ address: flags.string('address') ?? 'localhost:7233' });
  try {
    await mkdir(folder, { recursive: true });
    const client = new Client({ connection, namespace: flags.string('namespace') ?? 'default' });
    const limit = flags.int('limit') ?? Number.POSITIVE_INFINITY;
    let written = 0;
    for await (const found of histories(client, flags)) {
      if (written === limit) break;
      await write(folder, found);
      written += 1;
    }
    process.stdout.write(`${written} ${written === 1 ? 'history' : 'histories'} in ${folder}\n`);
    if (written === 0) process.stderr.write('No history was found.\n');
    return written > 0 ? ExitCode.OK : ExitCode.FAILURE;
  } catch (error) {
    if (!isExpected(error)) throw error;
    process.stderr.write(`${error.message}\n`);
    return ExitCode.FAILURE;
  } finally {
    await connection.close();
  }
}

async function* histories(client: Client, flags: FlagValues): AsyncGenerator<ListedHistory, void, undefined> {
  const workflowId = flags.string('workflow-id');
  if (workflowId === undefined) {
    const query = flags.string('query');
    return yield* client.workflow.list(query === undefined ? {} : { query }).intoHistories();
  }
  const handle = client.workflow.getHandle(workflowId, flags.string('run-id'));
  const { runId } = await handle.describe();
  yield { workflowId, runId, history: await client.workflow.getHandle(workflowId, runId).fetchHistory() };
}

/** A file is there whole or not at all. Ids may hold any character; names of files may not. */
async function write(folder: string, { workflowId, runId, history }: ListedHistory): Promise<void> {
  const file = path.join(folder, `${encodeURIComponent(workflowId).slice(0, 150)}_${runId}.json`);
  await writeFile(`${file}.part`, historyToJson(history));
  await rename(`${file}.part`, file);
}

function isExpected(error: unknown): error is Error {
  if (error instanceof ServiceError || error instanceof WorkflowNotFoundError) return true;
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('E');
}
