// The page docs/reference/limits.md, from the tables that the code reads: a limit cannot be there without being here.
import { LIMIT_SECTIONS } from 'perdure/server';

const UNITS = { bytes: bytes, ms: milliseconds, count: (value) => grouped(value), 'per second': (value) => `${grouped(value)} / s` };

export function limitsPage() {
  return [
    '# Limits',
    '',
    'Made from the tables in the code by `node scripts/reference.mjs`. The code that enforces a limit reads the same table.',
    '',
    'Where a limit is set:',
    '',
    '* `perdure server start-dev --dynamic-config-value KEY=VALUE`, with the keys of Temporal\'s server where it has the same limit. A',
    '  duration is a text (`\'"30s"\'`) or a number of seconds.',
    '* `startServer({ limits: { name: value } })` and `openEngine`, by name: bytes, milliseconds, counts.',
    '* For one namespace, while the server runs: an entry of the namespace\'s data whose key is the key of the limit, for example',
    '  `temporal operator namespace update --data limit.blobSize.error=1000000`. An empty value takes it back. Limits marked *server* hold',
    '  for the process and cannot differ between namespaces.',
    '',
    ...LIMIT_SECTIONS.flatMap(({ title, table }) => [
      `## ${title}`,
      '',
      '| What | Default | Beyond it | Key | Name |',
      '|--|--|--|--|--|',
      ...Object.entries(table).map(
        ([name, limit]) => `| ${limit.of} | ${UNITS[limit.unit](limit.default)} | ${limit.beyond} | \`${limit.key}\`${limit.perServer ? ' *server*' : ''} | \`${name}\` |`,
      ),
      '',
    ]),
    '## Fixed',
    '',
    '| What | Value | Beyond it |',
    '|--|--|--|',
    '| any duration | 0 to 100 years | INVALID_ARGUMENT when negative; longer ones are capped |',
    '| request ids of signals that a run remembers | the latest 1,000 | an older one is not recognised as a repetition |',
    '| request ids that starts attached to a run | the latest 100 | an older one is not recognised as a repetition |',
    '',
  ].join('\n');
}

function grouped(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

function bytes(value) {
  if (value > 0 && value % (1024 * 1024) === 0) return `${value / 1024 / 1024} MiB`;
  return value > 0 && value % 1024 === 0 ? `${value / 1024} KiB` : `${grouped(value)} B`;
}

function milliseconds(value) {
  if (value > 0 && value % 3_600_000 === 0) return `${value / 3_600_000} h`;
  if (value > 60_000 && value % 60_000 === 0) return `${value / 60_000} min`;
  return value > 0 && value % 1000 === 0 ? `${value / 1000} s` : `${value} ms`;
}
