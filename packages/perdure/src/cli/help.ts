/** The help texts, made from the descriptions of the commands. */
import type { Command, Flag } from './spec.js';

const WIDTH = 100;

export function overview(commands: readonly Command[]): string {
  return [
    'Perdure: durable execution for TypeScript.',
    '',
    'Usage: perdure COMMAND [flags]',
    '',
    'Commands:',
    ...table(commands.map(({ path, summary }) => [path.join(' '), summary])),
    '',
    'Flags:',
    ...table([['-h, --help', 'Show help, also of one command.'], ['-v, --version', 'Show the version.']]),
    '',
  ].join('\n');
}

export function commandHelp(command: Command): string {
  const works = command.flags.filter((flag) => !flag.withoutEffect);
  const accepted = command.flags.filter((flag) => flag.withoutEffect);
  return [
    command.summary,
    ...(command.description === undefined ? [] : ['', ...wrap(command.description, WIDTH)]),
    '',
    `Usage: perdure ${command.path.join(' ')} [flags]`,
    '',
    'Flags:',
    ...table([...works.map(row), ['-h, --help', 'Show this.']]),
    ...(accepted.length === 0 ? [] : ['', 'Accepted, without effect yet:', ...table(accepted.map(row))]),
    '',
  ].join('\n');
}

function row(flag: Flag): [string, string] {
  const value = flag.type === 'bool' ? '' : ` ${flag.value ?? flag.type.toUpperCase()}`;
  const choices = flag.choices === undefined ? '' : ` One of ${flag.choices.join(', ')}.`;
  const repeatable = flag.type === 'strings' ? ' Repeatable.' : '';
  const standard = flag.default === undefined ? '' : ` Default: ${flag.default}.`;
  return [`${flag.short === undefined ? '    ' : `-${flag.short}, `}--${flag.name}${value}`, `${flag.help}${choices}${repeatable}${standard}`];
}

function table(rows: readonly (readonly [string, string])[]): string[] {
  const first = Math.max(...rows.map(([left]) => left.length)) + 2;
  return rows.flatMap(([left, right]) =>
    wrap(right, WIDTH - first - 2).map((line, index) => `  ${(index === 0 ? left : '').padEnd(first)}${line}`),
  );
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
