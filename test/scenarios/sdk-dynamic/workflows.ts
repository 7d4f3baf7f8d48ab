/** A workflow for every type, with handlers for every name, and one that is found by its name all the same. */
import { condition, setDefaultQueryHandler, setDefaultSignalHandler, setDefaultUpdateHandler, workflowInfo } from 'perdure/workflow';

export async function named(): Promise<string> {
  return 'by name';
}

export default async function anything(...args: unknown[]): Promise<unknown> {
  const told: unknown[] = [];
  setDefaultSignalHandler((name, ...values) => void told.push([name, ...values]));
  setDefaultQueryHandler((name, ...values) => [name, ...values, told.length]);
  setDefaultUpdateHandler((name, ...values) => {
    told.push([name, ...values]);
    return `${name} done`;
  });
  if (args.length > 0) await condition(() => told.length >= Number(args[0]));
  return { type: workflowInfo().workflowType, args, told };
}
