/**
 * Modules of Node that workflow code may import: those whose pure part is bundled in their place. They are the ones that Temporal's SDK lets
 * pass, so that code moves over. A name that such a module does not have here is refused when the code is bundled.
 */
import { fileURLToPath } from 'node:url';

const FILES: Readonly<Record<string, string>> = {
  assert: 'assert.js',
  'assert/strict': 'assert-strict.js',
  url: 'url.js',
  util: 'util.js',
};

/** The file to bundle in place of a module of Node; undefined if there is none. */
export function pureModuleFile(specifier: string): string | undefined {
  const name = specifier.startsWith('node:') ? specifier.slice('node:'.length) : specifier;
  const file = Object.hasOwn(FILES, name) ? FILES[name] : undefined;
  return file && fileURLToPath(new URL(`../workflow/modules/${file}`, import.meta.url));
}
