/** Creates the schedule, once. Changing it later: `client.schedule.getHandle('daily-report').update(…)`. */
import { ScheduleAlreadyRunning, ScheduleOverlapPolicy, type Client } from 'perdure/client';
import { dailyReport } from './workflows.js';

export async function createDailyReport(client: Client, taskQueue: string, recipient: string): Promise<void> {
  try {
    await client.schedule.create({
      scheduleId: 'daily-report',
      spec: { calendars: [{ hour: 7, comment: 'each morning' }], timezone: 'Europe/Berlin' },
      policies: {
        // Yesterday's report is still running? Both are wanted. The server was down? Reports of the last three days are made up for.
        overlap: ScheduleOverlapPolicy.ALLOW_ALL,
        catchupWindow: '3 days',
      },
      action: { type: 'startWorkflow', workflowType: dailyReport, taskQueue, args: [recipient] },
    });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
  }
}
