/**
 * The deterministic realm: one node:vm context in which all runs of an executor live.
 *
 * The context has its own intrinsics, its own global object (frozen) and its own microtask queue, which runs only when the sandbox says
 * so. Each run has its own copy of the user's modules: a function call, not a new context.
 *
 * The rule that everything rests on: {@link Realm.step} makes one run current, lets it act, and drains *all* microtasks before it
 * returns. No promise of the realm can be settled from elsewhere (none is handed out, nothing asynchronous of the host is handed in), so
 * no code of a run can ever execute while another run is current; each sees its own clock and its own random numbers.
 *
 * This protects against accidents, not against attackers: node:vm is no security boundary. Workflow code gets no function of the host by
 * name, but code that wants out will find a way.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import vm from 'node:vm';
import type { Logger } from '../common/logger.js';
import type { RealmRun, RunStart } from '../workflow/activation.js';
import type { RealmHost } from '../workflow/realm-host.js';
import type { BundleFactory, RealmRuntime } from '../workflow/runtime.js';
import { BUNDLE_FILE, RUNTIME_FILE } from '../workflow/stack-format.js';
import { RUNTIME_VERSION, WorkflowBundleError, type WorkflowBundle } from './bundle.js';
import { SourcePositions } from './source-positions.js';

export class Realm {
  readonly #context: vm.Context;
  readonly #drain = new vm.Script('undefined');
  readonly #runtime: RealmRuntime;
  readonly #factory: BundleFactory;

  /** @throws WorkflowBundleError if the bundle was made for another version of this package. */
  constructor(bundle: WorkflowBundle, logger: Logger) {
    if (bundle.runtimeVersion !== RUNTIME_VERSION) {
      throw new WorkflowBundleError('The workflow bundle was made by another version of perdure. Make it again with the version that runs the worker.');
    }
    this.#context = vm.createContext(vm.constants.DONT_CONTEXTIFY, {
      name: 'perdure workflows',
      microtaskMode: 'afterEvaluate',
      codeGeneration: { strings: false, wasm: false },
    });
    const positions = new SourcePositions(bundle.sourceMap);
    const runtime = this.#evaluate<{ createRuntime(host: RealmHost): RealmRuntime }>(bundle.runtime, RUNTIME_FILE);
    this.#runtime = runtime.createRuntime(hostFor(positions, logger));
    this.#factory = this.#evaluate<BundleFactory>(bundle.code, BUNDLE_FILE);
  }

  createRun(start: RunStart): RealmRun {
    try {
      const run = this.#runtime.createRun(start, this.#factory);
      this.#drain.runInContext(this.#context);
      return run;
    } finally {
      this.#runtime.leave();
    }
  }

  /** Lets a run act until it has nothing left to do: its microtasks are drained, and no condition holds. */
  step(run: RealmRun, act: (run: RealmRun) => void): void {
    this.#runtime.enter(run);
    try {
      act(run);
      do this.#drain.runInContext(this.#context);
      while (run.unblockConditions());
    } finally {
      this.#runtime.leave();
    }
  }

  /** Lets a run answer without going on: no condition is looked at. */
  ask<T>(run: RealmRun, question: (run: RealmRun) => T): T {
    this.#runtime.enter(run);
    try {
      const answer = question(run);
      this.#drain.runInContext(this.#context);
      return answer;
    } finally {
      this.#runtime.leave();
    }
  }

  /** True for promises that were made in this realm. */
  ownsPromise(promise: unknown): boolean {
    return this.#runtime.ownsPromise(promise);
  }

  /** Names of the exported workflow functions. */
  workflowNames(): readonly string[] {
    return [...this.#runtime.workflowNames(this.#factory)];
  }

  #evaluate<T>(code: string, filename: string): T {
    return new vm.Script(code, { filename }).runInContext(this.#context) as T;
  }
}

function hostFor(positions: SourcePositions, logger: Logger): RealmHost {
  return {
    createAsyncStorage: () => new AsyncLocalStorage(),
    utf8Length: (text) => Buffer.byteLength(text, 'utf8'),
    utf8Write: (text, into) => void bufferOver(into).write(text, 'utf8'),
    utf8Read: (bytes) => bufferOver(bytes).toString('utf8'),
    mapPosition: (line, column) => positions.at(line, column),
    log: (level, message, attributes) => logger.log(level, message, { ...attributes }),
    parseUrl: (url, base) => (URL.canParse(url, base) ? new URL(url, base).href : undefined),
    urlPart: (url, part) => String(new URL(url)[part as 'href']),
    withUrlPart: (url, part, value) => {
      const parsed = new URL(url);
      parsed[part as 'href'] = value;
      return parsed.href;
    },
  };
}

function bufferOver(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
