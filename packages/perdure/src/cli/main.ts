/**
 * The command line tool's entry: finds the command, shows help, runs it, and turns its end into an exit code.
 *
 * Exit codes: 0 done, 1 failed, 2 not understood. Errors go to standard error as one message; a stack trace means a bug. Commands load
 * their rooms when they run, so that help and mistakes answer at once.
 */
import { commands } from './commands.js';
import { commandHelp, overview } from './help.js';
import { parse, UsageError } from './parse.js';
import { ExitCode } from './spec.js';
import { packageVersion } from './version.js';

export async function main(args: readonly string[]): Promise<void> {
  // Whoever reads our output may stop reading: that is no reason to fail.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  process.exitCode = await run(args);
}

async function run(args: readonly string[]): Promise<ExitCode> {
  try {
    const { command, words, flags, help, version } = parse(args, commands);
    if (version) return print(`perdure ${packageVersion()}\n`);
    if (command === undefined) {
      const inGroup = commands.filter(({ path }) => words.every((word, index) => path[index] === word));
      print(overview(inGroup));
      return help || args.length === 0 ? ExitCode.OK : ExitCode.USAGE;
    }
    return help ? print(commandHelp(command)) : await command.run(flags);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return ExitCode.USAGE;
  }
}

function print(text: string): ExitCode {
  process.stdout.write(text);
  return ExitCode.OK;
}
