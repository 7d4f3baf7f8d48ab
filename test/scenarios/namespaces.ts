/** What scenarios find on every server: a second namespace, and custom search attributes of every type. */
import { Code, IndexedValueType, OperatorService, RpcError, WorkflowService, type Init, type Method } from '#perdure/protocol/index';
import type { Transport } from '#perdure/transport/transport';

export const NAMESPACE = 'default';
export const OTHER_NAMESPACE = 'other';

/** Custom search attributes that every scenario may use. */
export const SEARCH_ATTRIBUTES: ReadonlyMap<string, IndexedValueType> = new Map([
  ['ScenarioKeyword', IndexedValueType.KEYWORD],
  ['ScenarioText', IndexedValueType.TEXT],
  ['ScenarioInt', IndexedValueType.INT],
  ['ScenarioDouble', IndexedValueType.DOUBLE],
  ['ScenarioBool', IndexedValueType.BOOL],
  ['ScenarioDatetime', IndexedValueType.DATETIME],
  ['ScenarioKeywordList', IndexedValueType.KEYWORD_LIST],
]);

export async function prepareNamespaces(transport: Transport): Promise<void> {
  await unlessThere(transport, WorkflowService.RegisterNamespace, { namespace: OTHER_NAMESPACE, workflowExecutionRetentionPeriod: 24 * 3_600_000 });
  await unlessThere(transport, OperatorService.AddSearchAttributes, { namespace: NAMESPACE, searchAttributes: SEARCH_ATTRIBUTES });
}

async function unlessThere<Request, Response>(transport: Transport, method: Method<Request, Response>, request: Init<Request>): Promise<void> {
  await transport.call(method, request).catch((error: unknown) => {
    const expected: number[] = [Code.ALREADY_EXISTS, Code.UNIMPLEMENTED];
    if (!(error instanceof RpcError) || !expected.includes(error.code)) throw error;
  });
}
