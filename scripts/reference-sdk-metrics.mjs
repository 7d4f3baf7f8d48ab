// The page docs/reference/sdk-metrics.md, from the table that the SDK measures by.
import { SDK_METRICS } from '../packages/perdure/dist/sdk/metrics/sdk-metrics.js';

export function sdkMetricsPage() {
  const rows = Object.values(SDK_METRICS).map(({ name, kind, tags, description, isDuration, buckets }) => {
    const shown = buckets ? ` Buckets: ${buckets.join(', ')}.` : '';
    return `| \`temporal_${name}\` | ${kind}${isDuration ? ' (ms)' : ''} | ${tags.map((tag) => `\`${tag}\``).join(', ')} | ${description}${shown} |`;
  });
  return [
    '# Metrics of the SDK',
    '',
    'Made from the code by `node scripts/reference.mjs`. What a worker measures once `Runtime.install` was given an exporter, see',
    '[observability](../guide/observability.md). Names, tags and buckets are those of the other Temporal SDKs, so their dashboards work;',
    'each metric also has the tag `service_name`. The prefix `temporal_` can be changed, latencies can be had in seconds.',
    '',
    '| Metric | Type | Tags | What |',
    '|--|--|--|--|',
    ...rows,
    '',
  ].join('\n');
}
