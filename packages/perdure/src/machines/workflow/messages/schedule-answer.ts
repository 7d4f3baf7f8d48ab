/** What a run makes of the answer to its notice (`schedule-notice.ts`): whatever it is, the schedule knows, or is gone. */
import type { DebtKey } from '../../machine.js';
import type { Draft } from '../draft.js';

export function scheduleAnswered(draft: Draft, _key: DebtKey): void {
  if (draft.state.run.scheduleNotice.byteLength > 0) draft.emitPrivate({ scheduleNoticeDelivered: {} });
}
