/** The registry as text in Prometheus' exposition format, version 0.0.4. */
import type { Histogram, Labels, MetricFamily, MetricRegistry, Sample } from './instruments.js';

export const EXPOSITION_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export function exposition(registry: MetricRegistry): string {
  const lines: string[] = [];
  for (const [family, samples] of registry.read()) {
    lines.push(`# HELP ${family.name} ${family.help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`, `# TYPE ${family.name} ${family.type}`);
    for (const sample of samples) writeSample(lines, family, sample);
  }
  return `${lines.join('\n')}\n`;
}

function writeSample(lines: string[], { name }: MetricFamily, sample: Sample): void {
  if ('histogram' in sample) writeHistogram(lines, name, sample.labels, sample.histogram);
  else lines.push(`${name}${labelText(sample.labels)} ${numberText(sample.value)}`);
}

function writeHistogram(lines: string[], name: string, labels: Labels, { bounds, counts, sum, count }: Histogram): void {
  let below = 0;
  for (const [index, bound] of bounds.entries()) {
    below += counts[index] ?? 0;
    lines.push(`${name}_bucket${labelText({ ...labels, le: numberText(bound) })} ${below}`);
  }
  lines.push(`${name}_bucket${labelText({ ...labels, le: '+Inf' })} ${count}`, `${name}_sum${labelText(labels)} ${numberText(sum)}`, `${name}_count${labelText(labels)} ${count}`);
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`))}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}
