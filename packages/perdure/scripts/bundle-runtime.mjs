// The last step of the build: compiles the realm side of the package into one script, so that workers need not do it when they start.
import { writeFile } from 'node:fs/promises';
import { COMPILED_RUNTIME, compileRuntime } from '../dist/sdk/sandbox/runtime-code.js';

await writeFile(COMPILED_RUNTIME, await compileRuntime());
