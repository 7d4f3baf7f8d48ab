/**
 * Arguments in, a command and its flags out, by the rules that users of Go's tools know: `--k v`, `--k=v`, `-k v`, `-kv`, `--bool`,
 * `--bool=false`, repeatable flags repeat, flags anywhere.
 */
import { parseArgs } from 'node:util';
import { near } from '../text/near.js';
import { FlagValues, type Command, type Flag, type FlagValue } from './spec.js';

/** What the user typed cannot be understood. The message is all that is printed. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

interface Parsed {
  /** `undefined`: the words name a group of commands, or none. */
  readonly command: Command | undefined;
  /** The words before the flags. */
  readonly words: readonly string[];
  readonly flags: FlagValues;
  readonly help: boolean;
  readonly version: boolean;
}

const HELP: Flag = { name: 'help', short: 'h', type: 'bool', help: 'Show this.' };
const VERSION: Flag = { name: 'version', short: 'v', type: 'bool', help: 'Show the version.' };

/** @throws UsageError */
export function parse(args: readonly string[], commands: readonly Command[]): Parsed {
  const allFlags = [HELP, VERSION, ...commands.flatMap((command) => command.flags)];
  const words: string[] = [];
  const given: { flag: string; raw: string; value: string | undefined }[] = [];
  for (const token of tokenize(args, allFlags)) {
    if (token.kind === 'positional') words.push(token.value);
    else if (token.kind === 'option') given.push({ flag: token.name, raw: token.rawName, value: token.value });
  }
  const command = commands.find(({ path }) => path.every((word, index) => words[index] === word));
  const values = new Map<string, FlagValue>();
  for (const { flag: name, raw, value } of given) {
    const flag = [HELP, VERSION, ...(command?.flags ?? [])].find((candidate) => candidate.name === name);
    if (flag === undefined) {
      // A flag of some command, and no command: the words are what is wrong.
      if (command === undefined && allFlags.some((candidate) => candidate.name === name)) continue;
      throw unknownFlag(raw, command, allFlags);
    }
    values.set(name, toValue(flag, value, values.get(name)));
  }
  // Last: the value of a misspelt flag looks like a word.
  checkWords(words, command, commands);
  return { command, words, flags: new FlagValues(values), help: values.get('help') === true, version: values.get('version') === true };
}

function tokenize(args: readonly string[], flags: readonly Flag[]) {
  const options = Object.fromEntries(
    flags.map(({ name, short, type }) => [name, { type: type === 'bool' ? ('boolean' as const) : ('string' as const), ...(short !== undefined && { short }) }]),
  );
  return parseArgs({ args: [...args], options, strict: false, tokens: true }).tokens;
}

function checkWords(words: readonly string[], command: Command | undefined, commands: readonly Command[]): void {
  if (command !== undefined) {
    const [extra] = words.slice(command.path.length);
    if (extra !== undefined) throw new UsageError(`"perdure ${command.path.join(' ')}" takes no argument "${extra}".`);
    return;
  }
  for (const [index, word] of words.entries()) {
    const siblings = commands.filter(({ path }) => words.slice(0, index).every((before, at) => path[at] === before)).map(({ path }) => path[index]);
    if (siblings.includes(word)) continue;
    const known = siblings.filter((name) => name !== undefined);
    throw new UsageError(`Unknown command "${words.slice(0, index + 1).join(' ')}".${suggestion(word, known)} "perdure --help" lists the commands.`);
  }
}

function unknownFlag(raw: string, command: Command | undefined, allFlags: readonly Flag[]): UsageError {
  const candidates = (command?.flags ?? allFlags).map(({ name }) => `--${name}`);
  const where = command === undefined ? 'perdure' : `perdure ${command.path.join(' ')}`;
  return new UsageError(`Unknown flag "${raw}".${suggestion(raw, candidates)} "${where} --help" lists the flags.`);
}

/** ` Did you mean "…"?`, or nothing if no candidate is close. */
function suggestion(typed: string, candidates: readonly string[]): string {
  const [name] = near(typed, candidates);
  return name === undefined ? '' : ` Did you mean "${name}"?`;
}

function toValue(flag: Flag, value: string | undefined, before: FlagValue | undefined): FlagValue {
  if (flag.type === 'bool') {
    if (value === undefined || value === 'true') return true;
    if (value === 'false') return false;
    throw new UsageError(`--${flag.name} is either true or false, not "${value}".`);
  }
  if (value === undefined) throw new UsageError(`--${flag.name} needs a value: ${flag.help}`);
  const wrong = flag.choices !== undefined && !flag.choices.includes(value) ? `one of ${flag.choices.join(', ')} is accepted` : flag.check?.(value);
  if (wrong !== undefined) throw new UsageError(`--${flag.name} cannot be "${value}": ${wrong}.`);
  if (flag.type === 'strings') return [...(Array.isArray(before) ? before : []), value];
  if (flag.type === 'string') return value;
  if (!/^[+-]?\d+$/.test(value)) throw new UsageError(`--${flag.name} cannot be "${value}": a whole number is needed.`);
  return Number(value);
}
