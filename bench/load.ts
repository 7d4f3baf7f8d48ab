/** Drives one scenario and measures it: a closed loop of so many in flight, or an open loop at a fixed rate. */
import type { Scenario, WorkflowClient } from './scenarios.js';

export interface LoadResult {
  readonly workflows: number;
  readonly seconds: number;
  readonly perSecond: number;
  /** Milliseconds from the (intended) start to the end. */
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

export async function closedLoop(client: WorkflowClient, scenario: Scenario, taskQueue: string, inFlight: number, seconds: number): Promise<LoadResult> {
  const latencies: number[] = [];
  const from = performance.now();
  const until = from + seconds * 1000;
  let next = 0;
  const atLeast = Math.ceil(inFlight * scenario.weight);
  const run = `${scenario.name.replaceAll(' ', '-')}-${inFlight}-${Math.floor(from)}-${process.pid}`;
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (performance.now() < until || next < atLeast) {
        const began = performance.now();
        await scenario.once(client, taskQueue, `${run}-${next++}`);
        latencies.push(performance.now() - began);
      }
    }),
  );
  return summary(latencies, (performance.now() - from) / 1000);
}

export async function openLoop(client: WorkflowClient, scenario: Scenario, taskQueue: string, perSecond: number, seconds: number): Promise<LoadResult> {
  const latencies: number[] = [];
  const running: Promise<void>[] = [];
  const from = performance.now();
  const total = Math.floor(perSecond * seconds);
  for (let i = 0; i < total; i++) {
    const due = from + (i * 1000) / perSecond;
    const wait = due - performance.now();
    if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
    // The clock starts when the request was due, so that a slow server cannot hide its queue.
    running.push(scenario.once(client, taskQueue, `open-${Math.floor(from)}-${process.pid}-${i}`).then(() => void latencies.push(performance.now() - due)));
  }
  await Promise.all(running);
  return summary(latencies, (performance.now() - from) / 1000);
}

function summary(latencies: number[], seconds: number): LoadResult {
  latencies.sort((a, b) => a - b);
  const at = (quantile: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * quantile))] ?? 0;
  return { workflows: latencies.length, seconds, perSecond: latencies.length / seconds, p50: at(0.5), p90: at(0.9), p99: at(0.99) };
}
