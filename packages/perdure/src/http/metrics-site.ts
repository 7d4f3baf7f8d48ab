/** `/metrics`, for Prometheus: the registries as text. Reading it costs the engine a walk over its instruments, not over its machines. */
import { exposition, EXPOSITION_CONTENT_TYPE } from '../metrics/exposition.js';
import type { MetricRegistry } from '../metrics/instruments.js';
import { send } from './replies.js';
import type { Site } from './listener.js';

export function metricsSite(...registries: readonly MetricRegistry[]): Site {
  return (request, response) => {
    const path = request.url?.split('?', 1)[0];
    if (path !== '/metrics') return send(response, 404, 'text/plain; charset=utf-8', 'There is /metrics, /healthz and /readyz.\n');
    if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'text/plain; charset=utf-8', 'Use GET.\n');
    send(response, 200, EXPOSITION_CONTENT_TYPE, registries.map(exposition).join(''));
  };
}
