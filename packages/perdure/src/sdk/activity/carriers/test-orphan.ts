/** A program that has a busy process, says its id, and waits to be killed. */
import { ActivityEnvironment } from '../../../testing/index.js';
import { endless } from './test-offloaded.js';

const env = new ActivityEnvironment();
env.on('heartbeat', (pid) => console.log(pid));
await env.run(endless[1]);
