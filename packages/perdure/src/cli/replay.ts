/**
 * `perdure replay`: does the workflow code of today still do what its histories say? For CI, before a deployment.
 *
 * Exit codes: 0 every history replays, 1 at least one does not (or none was found), 2 the command was not understood.
 */
import path from 'node:path';
import { open as openInspector } from 'node:inspector';
import { pathToFileURL } from 'node:url';
import { Client, Connection, ServiceError, WorkflowNotFoundError } from '../sdk/client/index.js';
import { ValueError, type DataConverter } from '../sdk/common/index.js';
import { WorkflowBundleError } from '../sdk/sandbox/bundle-error.js';
import { describeReplay, historiesFromServer, HistoryFormatError, readHistoryFile, Replayer, type NamedHistory, type ReplayReport } from '../testing/index.js';
import { historyFiles } from '../testing/histories.js';
import { ExitCode, type FlagValues } from './spec.js';

const DEFAULT_ADDRESS = 'localhost:7233';
const DEFAULT_INSPECT_PORT = 9229;

export async function replay(flags: FlagValues): Promise<ExitCode> {
  const workflowsPath = flags.string('workflows-path');
  const files = flags.strings('history');
  const workflowIds = flags.strings('workflow-id');
  if (workflowsPath === undefined) return misused('Name the file that exports the workflows: --workflows-path src/workflows.ts');
  if (files.length + workflowIds.length === 0 && flags.string('query') === undefined) {
    return misused('Name histories: --history FILE (or a folder), or --workflow-id ID or --query QUERY to fetch from a server.');
  }
  const inspect = flags.bool('inspect');
  try {
    const dataConverter = await dataConverterOf(flags.string('data-converter'));
    await using replayer = await Replayer.create({ workflowsPath: path.resolve(workflowsPath), namespace: flags.string('namespace') ?? 'default', inspectable: inspect, ...dataConverter });
    // Not before the code is loaded: a debugger that was there already would not be waited for, and would not know the files.
    if (inspect) openInspector(flags.int('inspect-port') ?? DEFAULT_INSPECT_PORT, undefined, true);
    const untilEventId = flags.int('until');
    const reports: ReplayReport[] = [];
    for await (const history of histories(flags)) {
      if (inspect) stopHere(history.workflowId);
      const report = 'outcome' in history ? history : await replayer.replay(history, untilEventId === undefined ? {} : { untilEventId });
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

/** A file that is no history is a finding like others: the rest is replayed all the same. */
async function* histories(flags: FlagValues): AsyncGenerator<NamedHistory | ReplayReport, void, undefined> {
  for (const file of flags.strings('history').flatMap(historyFiles)) yield historyOr(file);
  const workflowIds = flags.strings('workflow-id');
  const query = flags.string('query');
  if (workflowIds.length === 0 && query === undefined) return;
  const connection = await Connection.connect({ address: flags.string('address') ?? DEFAULT_ADDRESS });
  try {
    const client = new Client({ connection, namespace: flags.string('namespace') ?? 'default' });
    yield* historiesFromServer(client, workflowIds);
    if (query !== undefined) yield* client.workflow.list({ query }).intoHistories();
  } finally {
    await connection.close();
  }
}

function historyOr(file: string): NamedHistory | ReplayReport {
  try {
    return readHistoryFile(file);
  } catch (error) {
    if (!(error instanceof HistoryFormatError)) throw error;
    return { workflowId: path.basename(file), runId: '', workflowType: '', events: 0, outcome: 'failed', message: error.message };
  }
}

/** The `dataConverter` that a module exports. @throws ValueError */
async function dataConverterOf(file: string | undefined): Promise<{ readonly dataConverter?: DataConverter }> {
  if (file === undefined) return {};
  let loaded: { readonly dataConverter?: DataConverter };
  try {
    loaded = (await import(pathToFileURL(path.resolve(file)).href)) as typeof loaded;
  } catch (error) {
    throw new ValueError(`Cannot load ${file}: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  const { dataConverter } = loaded;
  if (typeof dataConverter !== 'object' || dataConverter === null) throw new ValueError(`${file} must export \`dataConverter\`: the object that the workers are given.`);
  return { dataConverter };
}

function conclude(reports: readonly ReplayReport[], asJson: boolean): ExitCode {
  const bad = reports.filter(({ outcome }) => outcome !== 'replayed').length;
  if (asJson) process.stdout.write(`${JSON.stringify(reports, undefined, 2)}\n`);
  else process.stdout.write(`${reports.length} ${reports.length === 1 ? 'history' : 'histories'}: ${reports.length - bad} replayed, ${bad} not\n`);
  if (reports.length === 0) process.stderr.write('No history was found.\n');
  return bad === 0 && reports.length > 0 ? ExitCode.OK : ExitCode.FAILURE;
}

/** Where the debugger stops: the workflow files are among the sources now. */
function stopHere(workflowId: string): void {
  // oxlint-disable-next-line no-debugger
  debugger; // Set breakpoints in the workflow files and continue: this history is replayed next.
  void workflowId;
}

/** What the user can do something about: a message will do. */
function isExpected(error: unknown): error is Error {
  if (error instanceof ValueError || error instanceof HistoryFormatError || error instanceof WorkflowBundleError || error instanceof ServiceError || error instanceof WorkflowNotFoundError) return true;
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'EACCES');
}

function misused(message: string): ExitCode {
  process.stderr.write(`${message}\n"perdure replay --help" lists the flags.\n`);
  return ExitCode.USAGE;
}
