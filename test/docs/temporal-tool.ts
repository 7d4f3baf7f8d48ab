/**
 * The requests that Temporal's command line sends for the commands on our pages. The tool itself is not part of the tests: it is a download.
 * A command that is not known here is an error, so a page cannot show one that nobody looked at.
 */
import assert from 'node:assert/strict';
import type { Connection } from 'perdure/client';

type IndexedValueType = NonNullable<Parameters<Connection['operatorService']['addSearchAttributes']>[0]['searchAttributes']> extends ReadonlyMap<string, infer Type> ? Type : never;
const INDEXED_VALUE_TYPES: Readonly<Record<string, IndexedValueType>> = { Text: 1, Keyword: 2, Int: 3, Double: 4, Bool: 5, Datetime: 6, KeywordList: 7 };
const HOUR_MS = 3_600_000;

/** @param words the command, beginning with `temporal` */
export async function temporal({ workflowService, operatorService }: Connection, words: readonly string[]): Promise<unknown> {
  const flags = new Map<string, string>();
  const path: string[] = [];
  for (let index = 1; index < words.length; index++) {
    const word = words[index] as string;
    if (word.startsWith('--')) flags.set(word.slice(2), words[++index] ?? assert.fail(`${word} needs a value`));
    else path.push(word);
  }
  const take = (name: string): string => {
    const value = flags.get(name) ?? assert.fail(`${words.join(' ')} needs --${name}`);
    flags.delete(name);
    return value;
  };
  const answer = await send();
  assert.deepEqual([...flags.keys()], [], `flags of '${path.join(' ')}'`);
  return answer;

  function send(): Promise<unknown> {
    switch (path.join(' ')) {
      case 'operator search-attribute create':
        return operatorService.addSearchAttributes({ namespace: take('namespace'), searchAttributes: new Map([[take('name'), INDEXED_VALUE_TYPES[take('type')] ?? assert.fail('no type')]]) });
      case 'operator namespace create':
        return workflowService.registerNamespace({ namespace: take('namespace'), workflowExecutionRetentionPeriod: Number.parseInt(take('retention')) * HOUR_MS });
      case 'operator namespace update': {
        const [key = '', value = ''] = take('data').split('=');
        return workflowService.updateNamespace({ namespace: take('namespace'), config: { workflowExecutionRetentionTtl: Number.parseInt(take('retention')) * HOUR_MS }, updateInfo: { data: new Map([[key, value]]) } });
      }
      case 'operator namespace delete':
        return operatorService.deleteNamespace({ namespace: take('namespace') });
      case 'worker deployment set-current-version':
        return workflowService.setWorkerDeploymentCurrentVersion({ namespace: 'default', deploymentName: take('deployment-name'), buildId: take('build-id') });
      case 'worker deployment set-ramping-version':
        return workflowService.setWorkerDeploymentRampingVersion({ namespace: 'default', deploymentName: take('deployment-name'), buildId: take('build-id'), percentage: Number(take('percentage')) });
      case 'worker deployment describe':
        return workflowService.describeWorkerDeployment({ namespace: 'default', deploymentName: take('name') });
      default:
        return assert.fail(`no test knows what '${words.join(' ')}' sends`);
    }
  }
}
