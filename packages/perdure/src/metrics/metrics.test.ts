/** Prometheus must be able to read what is written: names, labels, cumulative buckets, special numbers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CallMeters } from './call-meters.js';
import { exposition } from './exposition.js';
import { Histogram, MetricRegistry } from './instruments.js';

test('every type is written in the exposition format', () => {
  const registry = new MetricRegistry();
  const seconds = new Histogram([0.1, 1]);
  for (const value of [0.05, 0.1, 0.5, 7]) seconds.observe(value);
  registry.add({ name: 'a_total', type: 'counter', help: 'A \\ and\na line.', labels: ['x'] }, () => [{ labels: { x: 'say "hi"\\\n' }, value: 3 }]);
  registry.addValue({ name: 'b', type: 'gauge', help: 'B.', labels: [] }, () => Number.POSITIVE_INFINITY);
  registry.addHistogram({ name: 'c_seconds', type: 'histogram', help: 'C.', labels: [] }, seconds);
  assert.deepEqual(exposition(registry).split('\n'), [
    '# HELP a_total A \\\\ and\\na line.',
    '# TYPE a_total counter',
    'a_total{x="say \\"hi\\"\\\\\\n"} 3',
    '# HELP b B.',
    '# TYPE b gauge',
    'b +Inf',
    '# HELP c_seconds C.',
    '# TYPE c_seconds histogram',
    'c_seconds_bucket{le="0.1"} 2',
    'c_seconds_bucket{le="1"} 3',
    'c_seconds_bucket{le="+Inf"} 4',
    `c_seconds_sum ${0.05 + 0.1 + 0.5 + 7}`,
    'c_seconds_count 4',
    '',
  ]);
});

test('one name has one source', () => {
  const registry = new MetricRegistry();
  const family = { name: 'a', type: 'gauge', help: '', labels: [] } as const;
  registry.addValue(family, () => 1);
  assert.throws(() => registry.addValue(family, () => 2), /The metric a exists already/);
});

test('a call counts while it runs, and by how it ended', () => {
  const calls = new CallMeters();
  const meter = calls.of('Poll');
  meter.inFlight += 2;
  meter.end(0, 20);
  meter.end(14, 70_000);
  assert.equal(calls.of('Poll'), meter);
  assert.deepEqual([meter.inFlight, meter.ended[0], meter.ended[14], meter.seconds.count, meter.seconds.sum], [0, 1, 1, 2, 70.02]);
  assert.equal(meter.seconds.counts.at(-1), 1);
});
