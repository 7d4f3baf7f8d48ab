/** Interceptors that do what the tests look for, and workflows to go with them. Only tests name this file. */
import { condition, defineQuery, proxyActivities, proxySinks, setHandler, sleep, type Sinks, type WorkflowInterceptorsFactory } from 'perdure/workflow';

interface Probes extends Sinks {
  probe: { told(value: unknown): void; missing(): void };
}

const { probe } = proxySinks<Probes>();
const { greet } = proxyActivities({ startToCloseTimeout: '1 minute' });

export const interceptors: WorkflowInterceptorsFactory = () => ({
  inbound: [
    {
      async handleQuery(input, next) {
        if (input.args[0] === 'slow') await condition(() => false);
        if (input.args[0] === 'act') await sleep(5);
        return [await next(input), input.queryId];
      },
    },
  ],
  outbound: [
    {
      async scheduleActivity(input, next) {
        if (input.activityType === 'forbidden') return 'refused';
        // Takes its time, and still belongs to the scope and the run it was called in.
        await sleep(5);
        return next({ ...input, args: [...input.args, 'more'] });
      },
      getLogAttributes: (attributes, next) => next({ ...attributes, added: true }),
    },
  ],
  internals: [
    {
      activate(input, next) {
        probe.told(`activate ${input.activation.jobs.map(({ kind }) => kind).join()}`);
        next(input);
      },
      concludeActivation(input, next) {
        const output = next(input);
        probe.told(`conclude ${output.commands.map(({ kind }) => kind).join()}`);
        return output;
      },
      dispose(input, next) {
        probe.told('dispose');
        next(input);
      },
    },
  ],
});

export async function intercepted(): Promise<unknown> {
  setHandler(defineQuery<string, [string]>('state'), (text) => text);
  console.log('begun');
  return [await greet!('a'), await (greet as unknown as () => Promise<string>)()];
}

export async function refused(): Promise<unknown> {
  return proxyActivities<{ forbidden(): Promise<string> }>({ startToCloseTimeout: '1 minute' }).forbidden();
}

export async function sinking(): Promise<void> {
  const value = { list: [1], map: new Map([['a', new Date(5)]]), error: new Error('no') };
  probe.told(value);
  value.list.push(2);
  probe.missing();
}
