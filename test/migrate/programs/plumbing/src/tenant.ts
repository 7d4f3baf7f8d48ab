/** The header that says on whose behalf something happens, on both sides of the sandbox. */
import { defaultPayloadConverter, type Headers } from '@temporalio/common';

const NAME = 'tenant';

export function withTenant(headers: Headers, tenant: string | undefined): Headers {
  return tenant === undefined ? headers : { ...headers, [NAME]: defaultPayloadConverter.toPayload(tenant) };
}

export function tenantOf(headers: Headers): string | undefined {
  const payload = headers[NAME];
  return payload === undefined ? undefined : defaultPayloadConverter.fromPayload<string>(payload);
}
