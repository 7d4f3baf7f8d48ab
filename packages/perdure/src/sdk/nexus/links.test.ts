/** Links as URLs and as messages: the form that servers and other SDKs use, and what is none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventType, Link, type Init } from '../../protocol/index.js';
import { fromNexusLink, toNexusLink } from './links.js';

const execution = { namespace: 'my shop', workflowId: 'order/1?', runId: 'run-1' };

test('each kind of link has its URL, and comes back from it', () => {
  const links: [link: Init<Link>, url: string, type: string][] = [
    [
      { workflowEvent: { ...execution, eventRef: { eventId: 5, eventType: EventType.NEXUS_OPERATION_SCHEDULED } } },
      'temporal:///namespaces/my%20shop/workflows/order%2F1%3F/run-1/history?referenceType=EventReference&eventID=5&eventType=NexusOperationScheduled',
      'WorkflowEvent',
    ],
    [
      { workflowEvent: { ...execution, requestIdRef: { requestId: 'a b', eventType: EventType.WORKFLOW_EXECUTION_OPTIONS_UPDATED } } },
      'temporal:///namespaces/my%20shop/workflows/order%2F1%3F/run-1/history?referenceType=RequestIdReference&requestID=a+b&eventType=WorkflowExecutionOptionsUpdated',
      'WorkflowEvent',
    ],
    [{ workflow: { ...execution, reason: 'asked' } }, 'temporal:///namespaces/my%20shop/workflows/order%2F1%3F/run-1?reason=asked', 'Workflow'],
    [{ workflow: execution }, 'temporal:///namespaces/my%20shop/workflows/order%2F1%3F/run-1', 'Workflow'],
    [{ nexusOperation: { namespace: 'n', operationId: 'o', runId: 'r' } }, 'temporal:///namespaces/n/nexus-operations/o/r/details', 'NexusOperation'],
    [{ activity: { namespace: 'n', activityId: 'a', runId: 'r' } }, 'temporal:///namespaces/n/activities/a/r/details', 'Activity'],
  ];
  for (const [link, href, type] of links) {
    const nexus = toNexusLink(Link.encode(link));
    assert.deepEqual({ href: nexus.url.href, type: nexus.type }, { href, type: `temporal.api.common.v1.Link.${type}` });
    assert.deepEqual(Link.decode(fromNexusLink(nexus)), Link.create(link));
  }
});

test('types of events are taken in both spellings, and an event without a number too', () => {
  for (const spelling of ['NexusOperationScheduled', 'EVENT_TYPE_NEXUS_OPERATION_SCHEDULED']) {
    const url = new URL(`temporal:///namespaces/n/workflows/w/r/history?referenceType=EventReference&eventType=${spelling}`);
    const { workflowEvent } = Link.decode(fromNexusLink({ url, type: 'temporal.api.common.v1.Link.WorkflowEvent' }));
    assert.deepEqual(workflowEvent?.eventRef, { eventId: 0, eventType: EventType.NEXUS_OPERATION_SCHEDULED });
  }
});

test('what is no link of this kind is refused', () => {
  const event = 'temporal.api.common.v1.Link.WorkflowEvent';
  const wrong: [url: string, type: string, reason: RegExp][] = [
    ['https://example.com/a', event, /not one of Temporal's/],
    ['temporal:///namespaces/n/workflows/w/r/history?referenceType=EventReference&eventType=TimerFired', 'example.Link', /type 'example.Link', which is not known/],
    ['temporal:///namespaces/n/workflows/w/r', event, /does not lead to workflows/],
    ['temporal:///namespaces/n/workflows//r/history', event, /does not lead to workflows/],
    ['temporal:///namespaces/n/workflows/w/r/history/more', event, /does not lead to workflows/],
    ['temporal:///namespaces/n/workflows/w/r/history', 'temporal.api.common.v1.Link.Workflow', /does not lead to workflows/],
    ['temporal:///namespaces/n/workflows/%E0%A4%A/r/history?referenceType=EventReference&eventType=TimerFired', event, /not encoded as a URL/],
    ['temporal:///namespaces/n/workflows/w/r/history?eventType=TimerFired', event, /does not say what it refers to/],
    ['temporal:///namespaces/n/workflows/w/r/history?referenceType=EventReference&eventType=Nonsense', event, /no known type of event/],
  ];
  for (const [url, type, reason] of wrong) assert.throws(() => fromNexusLink({ url: new URL(url), type }), { name: 'TypeError', message: reason }, url);
  assert.throws(() => toNexusLink(Link.encode({ batchJob: { jobId: 'b' } })), /no URL/);
  assert.throws(() => toNexusLink(Link.encode({ workflow: { ...execution, runId: '' } })), /no run id/);
});
