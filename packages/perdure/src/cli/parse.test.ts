/** Scripts written for Temporal's tool pass flags in every form its parser takes; mistakes must say what was meant. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commands } from './commands.js';
import { commandHelp, overview } from './help.js';
import { parse, UsageError } from './parse.js';
import { startDevFlags } from './start-dev-flags.js';

const startDev = (...args: string[]) => parse(['server', 'start-dev', ...args], commands);
const usageError = (args: string[], message: RegExp) =>
  assert.throws(() => parse(args, commands), (error) => error instanceof UsageError && message.test(error.message));

test('every way of writing a value is understood', () => {
  for (const args of [['--port', '7300'], ['--port=7300'], ['-p', '7300'], ['-p7300']]) {
    assert.equal(startDev(...args).flags.int('port'), 7300, args.join(' '));
  }
});

test('flags may stand before the command', () => {
  const { command, flags } = parse(['--port', '1', 'server', 'start-dev'], commands);
  assert.deepEqual(command?.path, ['server', 'start-dev']);
  assert.equal(flags.int('port'), 1);
});

test('booleans are set by their name alone and by a value', () => {
  assert.equal(startDev('--headless').flags.bool('headless'), true);
  assert.equal(startDev('--headless=true').flags.bool('headless'), true);
  assert.equal(startDev('--headless=false').flags.bool('headless'), false);
  usageError(['server', 'start-dev', '--headless=maybe'], /true or false/);
});

test('repeatable flags repeat, others take the last value', () => {
  assert.deepEqual(startDev('-n', 'a', '--namespace=b').flags.strings('namespace'), ['a', 'b']);
  assert.equal(startDev('--ip', '1.1.1.1', '--ip', '2.2.2.2').flags.string('ip'), '2.2.2.2');
});

test('what the test environments of SDKs pass is accepted', () => {
  const args =
    '--port 0 --namespace default --ip 127.0.0.1 --log-format pretty --log-level warn --headless --ui-port 8233 ' +
    '--dynamic-config-value frontend.enableServerVersionCheck=false --search-attribute CustomerId=Keyword';
  const { flags } = startDev(...args.split(' '));
  assert.equal(flags.string('log-level'), 'warn');
});

test('every flag is accepted and appears in the help', () => {
  const help = commandHelp(commands[0]!);
  for (const flag of startDevFlags) assert.match(help, new RegExp(`--${flag.name}\\b`));
  assert.match(overview(commands), /server start-dev/);
  for (const line of help.split('\n')) assert.ok(line.length <= 100, line);
});

test('mistakes name what is wrong and what may have been meant', () => {
  usageError(['server', 'start-dve'], /Unknown command "server start-dve"\. Did you mean "start-dev"\?/);
  usageError(['sever', 'start-dev'], /Did you mean "server"/);
  usageError(['server', 'start-dev', '--prot', '1'], /Unknown flag "--prot"\. Did you mean "--port"\?/);
  usageError(['start-dev', '--port', '1'], /^Unknown command "start-dev"/);
  usageError(['server', 'start-dev', '-z'], /Unknown flag "-z"/);
  usageError(['server', 'start-dev', 'now'], /takes no argument "now"/);
  usageError(['server', 'start-dev', '--port'], /--port needs a value/);
  usageError(['server', 'start-dev', '--port', '70000'], /0 to 65535/);
  usageError(['server', 'start-dev', '--log-level', 'loud'], /one of debug, info/);
  usageError(['server', 'start-dev', '--search-attribute', 'A=Color'], /the type is one of/);
  usageError(['server', 'start-dev', '--search-attribute', 'A'], /write NAME=TYPE/);
  usageError(['server', 'start-dev', '--dynamic-config-value', 'a=b'], /must be JSON/);
  usageError(['server', 'start-dev', '--namespace', ''], /needs a name/);
});

test('help and version are understood everywhere', () => {
  assert.equal(startDev('-h').help, true);
  assert.equal(parse(['--help'], commands).help, true);
  assert.equal(parse(['--version'], commands).version, true);
});
