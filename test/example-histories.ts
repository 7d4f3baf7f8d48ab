/**
 * Runs the tests of the examples and keeps the histories that they leave: what the patterns do in their tests, months of waiting included, is
 * what replayers get to see.
 */
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { TestEnvironment, type NamedHistory } from 'perdure/testing';
import { root } from '../bench/processes.js';

export interface Example {
  readonly name: string;
  /** Compiled, below `build/`. */
  readonly workflows: string;
  /** Complete when the tests have run that were declared before. */
  readonly histories: NamedHistory[];
}

/** Declares the tests of all examples, or of those in `names`. To be called once in a process. */
export async function recordExamples(names: readonly string[] = exampleNames()): Promise<readonly Example[]> {
  const examples: Example[] = [];
  let recording: (Example & { readonly types: ReadonlySet<string> }) | undefined;
  const dispose = TestEnvironment.prototype[Symbol.asyncDispose];
  TestEnvironment.prototype[Symbol.asyncDispose] = async function (this: TestEnvironment) {
    for await (const { workflowId, runId, type } of this.client.workflow.list()) {
      const history = await this.client.workflow.getHandle(workflowId, runId).fetchHistory();
      if (recording?.types.has(type)) recording.histories.push({ workflowId, history });
    }
    await dispose.call(this);
  };
  for (const name of names) {
    const example: Example = { name, workflows: `examples/${name}/workflows.js`, histories: [] };
    const types = new Set(Object.keys((await import(path.join(root, 'build', example.workflows))) as object));
    examples.push(example);
    // Tests run in the order in which they are declared: this one stands before those of its example.
    void test(`the tests of ${name}`, () => void (recording = { ...example, types }));
    await import(path.join(root, 'build/examples', name, `${name}.test.js`));
  }
  return examples;
}

function exampleNames(): readonly string[] {
  const folder = path.join(root, 'examples');
  return fs.readdirSync(folder).filter((name) => fs.existsSync(path.join(folder, name, `${name}.test.ts`))).sort();
}
