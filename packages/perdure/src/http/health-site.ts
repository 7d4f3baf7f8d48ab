/**
 * `/healthz` and `/readyz`, for probes of orchestrators and load balancers.
 *
 * Healthy: the process answers. Ready: the engine has recovered, its store takes commits, and it is not closing; otherwise 503, and the
 * body says why. Restart what is not healthy, send no requests to what is not ready.
 */
import { send } from './replies.js';
import type { Site } from './listener.js';

/** @param unreadyBecause the reason, or undefined if the engine takes requests @param others who answers everything else */
export function healthSite(unreadyBecause: () => string | undefined, others: Site): Site {
  return (request, response) => {
    const path = request.url?.split('?', 1)[0];
    if (path !== '/healthz' && path !== '/readyz') return others(request, response);
    const reason = path === '/readyz' ? unreadyBecause() : undefined;
    send(response, reason === undefined ? 200 : 503, 'text/plain; charset=utf-8', `${reason ?? 'ok'}\n`);
  };
}
