/**
 * `perdure replay`: does the workflow code of today still do what its histories say? For CI, before a deployment.
 *
 * Exit codes: 0 every history replays, 1 at least one does not (or none was found), 2 the command was not understood.
 */
import path from 'node:path';
import { Client, Connection, ServiceError, WorkflowNotFoundError } from '../sdk/client/index.js';
import { WorkflowBundleError } from '../sdk/sandbox/bundle-error.js';
import { describeReplay, historiesFromServer, HistoryFormatError, readHistoryFile, Replayer, type NamedHistory, type ReplayReport } from '../testing/index.js';
import { historyFiles } from '../testing/histories.js';
import { ExitCode, type FlagValues } from './spec.js';

const DEFAULT_ADDRESS = 'localhost:7233';

export async function replay(flags: FlagValues): Promise<ExitCode> {
  const workflowsPath = flags.string('workflows-path');
  const files = flags.strings('history');
  const workflowIds = flags.strings('workflow-id');
  if (workflowsPath === undefined) return misused('Name the file that exports the workflows: --workflows-path src/workflows.ts');
  if (files.length + workflowIds.length === 0) return misused('Name histories: --history FILE (or a folder), or --workflow-id ID to fetch from a server.');
  try {
    await using replayer = await Replayer.create({ workflowsPath: path.resolve(workflowsPath), namespace: flags.string('namespace') ?? 'default' });
    const untilEventId = flags.int('until');
    const reports: ReplayReport[] = [];
    for await (const history of histories(flags)) {
      const report = await replayer.replay(history, untilEventId === undefined ? {} : { untilEventId });
      reports.push(report);
      if (flags.string('output') !== 'json') process.stdout.write(`${describeReplay(report)}\n`);
    }
    return conclude(reports, flags.string('output') === 'json');
  } catch (error) {
    if (!isExpected(error)) throw error;
    process.stderr.write(`${error.message}\n`);
    return ExitCode.FAILURE;
  }
}

async function* histories(flags: FlagValues): AsyncGenerator<NamedHistory, void, undefined> {
  for (const given of flags.strings('history')) for (const file of historyFiles(given)) yield readHistoryFile(file);
  const workflowIds = flags.strings('workflow-id');
  if (workflowIds.length === 0) return;
  const connection = await Connection.connect({ address: flags.string('address') ?? DEFAULT_ADDRESS });
  try {
    yield* historiesFromServer(new Client({ connection, namespace: flags.string('namespace') ?? 'default' }), workflowIds);
  } finally {
    await connection.close();
  }
}

function conclude(reports: readonly ReplayReport[], asJson: boolean): ExitCode {
  const bad = reports.filter(({ outcome }) => outcome !== 'replayed').length;
  if (asJson) process.stdout.write(`${JSON.stringify(reports, undefined, 2)}\n`);
  else process.stdout.write(`${reports.length} ${reports.length === 1 ? 'history' : 'histories'}: ${reports.length - bad} replayed, ${bad} not\n`);
  if (reports.length === 0) process.stderr.write('No history was found.\n');
  return bad === 0 && reports.length > 0 ? ExitCode.OK : ExitCode.FAILURE;
}

/** What the user can do something about: a message will do. */
function isExpected(error: unknown): error is Error {
  if (error instanceof HistoryFormatError || error instanceof WorkflowBundleError || error instanceof ServiceError || error instanceof WorkflowNotFoundError) return true;
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'EACCES');
}

function misused(message: string): ExitCode {
  process.stderr.write(`${message}\n"perdure replay --help" lists the flags.\n`);
  return ExitCode.USAGE;
}
