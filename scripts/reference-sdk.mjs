// docs/reference/sdk.md: the names of Temporal's TypeScript SDK and which of them are not here. Needs that SDK, which `npm run test:official` installs.
import fs from 'node:fs';
import path from 'node:path';
import { compareSdks, reasonFor } from '../build/test/parity/parity.js';
import { root } from './official.mjs';

/** `undefined` if the SDK is not installed: then the page stays as it is. */
export function sdkPage() {
  const manifest = path.join(root, 'test/official/node_modules/@temporalio/plugin/package.json');
  if (!fs.existsSync(manifest)) return undefined;
  const { version } = JSON.parse(fs.readFileSync(manifest, 'utf8'));
  const parities = compareSdks();
  const summary = parities.map(({ module, ours, names, members, gaps }) => {
    const reasoned = gaps.filter((gap) => !gap.isRetired).length;
    return `| \`${module}\` | \`${ours}\` | ${names} | ${members} | ${reasoned} | ${gaps.length - reasoned} |`;
  });
  const byReason = new Map();
  for (const gap of parities.flatMap((parity) => parity.gaps).filter((each) => !each.isRetired)) {
    const reason = reasonFor(gap);
    if (reason === undefined) throw new Error(`${gap.module} has ${gap.name}, ours has not: add it, or a row to test/parity/exceptions.ts`);
    byReason.set(reason, (byReason.get(reason) ?? new Map()).set(gap.name, [...(byReason.get(reason)?.get(gap.name) ?? []), gap.module]));
  }
  const sections = [...byReason].flatMap(([{ because, instead }, names]) => [
    `**${because}**${instead === undefined ? '' : ` Instead: ${instead}`}`,
    '',
    [...names.keys()].sort().map((name) => `\`${name}\``).join(', '),
    '',
  ]);
  return [
    '# Names of the SDK',
    '',
    `Made by \`node scripts/reference.mjs\` from the type declarations of Temporal's TypeScript SDK ${version} and of this package: each name that`,
    'a module there exports, and each public member of its classes, interfaces, options and enums, is looked for under the module that stands',
    'for it here. `npm run test:official` fails for one that is neither here nor below.',
    '',
    '| there | here | names | members | not here | retired there |',
    '|--|--|--|--|--|--|',
    ...summary,
    '',
    '"Retired": marked as deprecated, internal or hidden in its own documentation. Of those many work here as well.',
    '',
    '## Not here',
    '',
    '`name.member` is a member of `name`; `name()` is here, but takes fewer arguments.',
    '',
    ...sections,
  ].join('\n');
}
