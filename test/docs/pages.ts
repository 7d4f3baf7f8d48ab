/**
 * The code of the guide's pages as files that run. Each test of this folder opens the pages that it is about, and has to use every block of
 * code on them: a block that nobody runs fails the test, so no page can say what is not true.
 *
 * A block ```ts file=NAME is a file; ```ts alone is a fragment, which runs where the names it uses are known; ```ts part needs files that
 * the page does not show, and the test gives them. Types are checked in `docs.test.ts`, so here they are only taken away.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after } from 'node:test';
import { transformSync } from 'esbuild';
import { root } from '../../bench/processes.js';

interface Block {
  readonly code: string;
  used: boolean;
}

const start = process.cwd();

/** Writes out the code of these pages, and checks at the end that all of it was used. */
export function openPages<Name extends string>(...names: readonly Name[]): Record<Name, Page> {
  const pages = Object.fromEntries(names.map((name) => [name, new Page(name)])) as Record<Name, Page>;
  after(() => {
    process.chdir(start);
    assert.deepEqual(names.flatMap((name) => pages[name].unused), [], 'code of the guide that no test runs');
  });
  return pages;
}

export class Page {
  readonly folder: string;
  readonly text: string;
  readonly #name: string;
  readonly #files = new Map<string, Block>();
  readonly #blocks = new Map<string, Block>();

  constructor(name: string) {
    this.#name = name;
    this.folder = path.join(root, 'build/docs-run', name);
    this.text = fs.readFileSync(name === 'README' ? path.join(root, 'README.md') : path.join(root, 'docs/guide', `${name}.md`), 'utf8');
    fs.rmSync(this.folder, { recursive: true, force: true });
    // Programs name their workflows as a project would: './src/workflows.ts'.
    fs.mkdirSync(path.join(this.folder, 'src'), { recursive: true });
    const counts = new Map<string, number>();
    for (const [, kind = '', code = ''] of this.text.matchAll(/^```([^\n]*)\n([\s\S]*?)^```$/gm)) {
      const block = { code, used: false };
      const file = /^ts file=(\S+)$/.exec(kind)?.[1];
      if (file !== undefined) {
        this.#files.set(file, block);
        this.write(file, code);
      } else {
        const count = counts.get(kind) ?? 0;
        counts.set(kind, count + 1);
        this.#blocks.set(`${kind} ${count}`, block);
      }
    }
  }

  /** Code that was not asked for. Blocks without a language are none: they show what is printed, and tests may compare it. */
  get unused(): string[] {
    const names = [...this.#files, ...this.#blocks].filter(([name, { used }]) => !used && !name.startsWith(' ')).map(([name]) => name);
    return names.map((name) => `${this.#name}: ${name}`);
  }

  /** A block that is no file, by its language and how many of them stand before it. */
  block(kind: string, index = 0): string {
    const block = this.#blocks.get(`${kind} ${index}`);
    assert.ok(block, `${this.#name} has no block '${kind}' ${index}`);
    block.used = true;
    return block.code;
  }

  /** The commands of a block of the shell, as words. */
  commands(index = 0): string[][] {
    const lines = this.block('sh', index).replace(/\\\n\s*/g, '').split('\n').filter((line) => line.trim() !== '');
    return lines.map((line) => [...line.replace(/\s#\s.*$/, '').matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([word]) => word.replace(/'([^']*)'|"([^"]*)"/g, '$1$2')));
  }

  /** Says that a file of the page is run in another process. */
  use(file: string): void {
    this.#use(`${file}.ts`);
    process.chdir(this.folder);
  }

  /** Loads a file of the page, in its folder. */
  async load<Module>(file: string): Promise<Module> {
    this.use(file);
    return (await import(path.join(this.folder, `${file}.js`))) as Module;
  }

  /** The path of workflows for a worker. Paths in the page's code begin at the page's folder. */
  workflows(file: string): string {
    this.use(file);
    return path.join(this.folder, `${file}.ts`);
  }

  /** A file that the page does not show, or one of its own with a change that only a test needs. */
  write(file: string, code: string): string {
    const { code: plain } = transformSync(code, { loader: 'ts', format: 'esm', target: 'node20' });
    for (const folder of [this.folder, path.join(this.folder, 'src')]) {
      fs.writeFileSync(path.join(folder, file), code);
      fs.writeFileSync(path.join(folder, file.replace(/\.ts$/, '.js')), plain);
    }
    return path.join(this.folder, file);
  }

  /** Runs a fragment. @param known the names that it uses @param told those of its own whose values are wanted */
  async run(kind: 'ts' | 'ts part', index: number, known: object, told: readonly string[] = []): Promise<Record<string, unknown>> {
    const code = this.block(kind, index);
    const imports = code.match(/^import .*;$/gm) ?? [];
    const rest = code.replace(/^import .*;$/gm, '');
    const file = `fragment-${kind === 'ts' ? '' : 'part-'}${index}`;
    const names = Object.keys(known).filter((name) => !imports.some((line) => new RegExp(`\\b${name}\\b`).test(line)));
    this.write(`${file}.ts`, `${imports.join('\n')}\nexport async function fragment({ ${names.join(', ')} }) {\n{\n${rest}\nreturn { ${told.join(', ')} };\n}\n}\n`);
    const { fragment } = (await import(path.join(this.folder, `${file}.js`))) as { fragment(known: object): Promise<Record<string, unknown>> };
    return fragment(known);
  }

  /** Marks a file and those of the page that it names. */
  #use(file: string): void {
    const block = this.#files.get(file);
    if (block === undefined || block.used) return;
    block.used = true;
    for (const [, named] of block.code.matchAll(/'\.\/(?:src\/)?([\w-]+)\.[jt]s'/g)) this.#use(`${named}.ts`);
  }
}
