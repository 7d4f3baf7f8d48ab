// The page docs/reference/metrics.md, from the table that the engine's registry is made of.
import { METRIC_SECTIONS } from '../packages/perdure/dist/server/metrics/families.js';

export function metricsPage() {
  return [
    '# Metrics',
    '',
    'Made from the code by `node scripts/reference.mjs`. `perdure server start-dev --metrics-port PORT` serves them at `/metrics` in',
    "Prometheus' text format, with `/healthz` and `/readyz` beside it; `startServer({ metricsPort })` does the same.",
    '',
    'Labels take values from closed sets (RPCs, gRPC codes, `workflow`, `activity` or `nexus`, `normal` or `sticky`): namespaces, task queues and',
    'workflow types are no labels, so the number of series does not grow with use. A method has series from its first call on.',
    '',
    ...METRIC_SECTIONS.flatMap(({ title, families }) => [
      `## ${title}`,
      '',
      '| Metric | Type | Labels | What |',
      '|--|--|--|--|',
      ...families.map(({ name, type, labels, help, buckets }) => {
        const bounds = buckets === undefined ? '' : ` Buckets: ${buckets.join(', ')}.`;
        return `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help}${bounds} |`;
      }),
      '',
    ]),
  ].join('\n');
}
