/** Workflows that the tests of tracing and of metrics run. */
import { ApplicationFailure, condition, defineQuery, defineSignal, defineUpdate, executeChild, metricMeter, proxyActivities, proxyLocalActivities, setHandler, sleep, uuid4, log } from 'perdure/workflow';

const { work } = proxyActivities<{ work(what: string): Promise<string> }>({ startToCloseTimeout: '1 minute', retry: { maximumAttempts: 2, initialInterval: 1 } });
const { near } = proxyLocalActivities<{ near(): Promise<void> }>({ startToCloseTimeout: '1 minute' });

export const go = defineSignal('go');
export const state = defineQuery<string>('state');
export const change = defineUpdate<string, [string]>('change');

export async function traced(): Promise<string> {
  let gone = false;
  setHandler(go, async () => {
    await work('from signal');
    gone = true;
  });
  setHandler(state, () => 'fine');
  setHandler(change, (to) => work(to), { validator: (to) => { if (to === 'bad') throw new Error('no'); } });
  log.info('begun');
  await near();
  await work('first');
  await condition(() => gone);
  await executeChild(tracedChild);
  // Behind traced calls: the stream of random numbers must be as it is without tracing.
  return uuid4();
}

export async function tracedChild(): Promise<void> {
  await sleep(1);
  await work('child').catch(() => undefined);
}

export async function failing(): Promise<void> {
  throw ApplicationFailure.create({ message: 'on purpose' });
}

/** Fails its workflow tasks. */
export async function stumbling(): Promise<void> {
  throw new TypeError('stumbled');
}

export async function metered(): Promise<void> {
  const counter = metricMeter.createCounter('orders', undefined, 'Orders that came in');
  counter.add(2, { kind: 'express' });
  metricMeter.withTags({ region: 'eu' }).createHistogram('size', 'float', 'kg').record(7.5);
  await work('measure');
  counter.withTags({ kind: 'slow' }).add(1.9);
  metricMeter.createGauge('level').set(-3);
  await sleep(5);
}
