/** Checks of the priority and fairness that a request asks for. */
import { Priority, type Encoded } from '../protocol/index.js';
import { invalidArgument } from './refusals.js';
import type { NamespaceLimits } from './request-limits.js';

/** A level beyond the last one means the last one. @throws RpcError INVALID_ARGUMENT */
export function checkPriority(encoded: Encoded<Priority> | undefined, { fairnessKeyLengthBytes }: NamespaceLimits): void {
  if (encoded === undefined) return;
  const { priorityKey, fairnessKey, fairnessWeight } = Priority.decode(encoded);
  if (priorityKey < 0) throw invalidArgument("priority key can't be negative");
  if (Buffer.byteLength(fairnessKey) > fairnessKeyLengthBytes) {
    throw invalidArgument(`fairness key length exceeds limit: at most ${fairnessKeyLengthBytes} bytes are accepted`);
  }
  if (fairnessWeight < 0) throw invalidArgument('the fairness weight must be greater than zero');
}
