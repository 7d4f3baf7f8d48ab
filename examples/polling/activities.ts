import { ApplicationFailure, Context } from 'perdure/activity';

/** What we need of the service that does the job. */
export interface Service {
  /** @returns the result, or undefined while there is none. */
  resultOf(job: string): Promise<string | undefined>;
}

export function activitiesWith(service: Service) {
  return {
    async checkOnce(job: string): Promise<string> {
      const result = await service.resultOf(job);
      // Benign: nobody needs to be woken at night because a job is not done yet.
      if (result === undefined) throw ApplicationFailure.create({ message: `${job} is not done yet`, type: 'NotYet', category: 'BENIGN' });
      return result;
    },

    async checkInLoop(job: string): Promise<string> {
      const context = Context.current();
      for (let asked = Number(context.info.heartbeatDetails ?? 0); ; asked++) {
        const result = await service.resultOf(job);
        if (result !== undefined) return result;
        context.heartbeat(asked + 1);
        await context.sleep('5 seconds'); // throws when the activity is cancelled
      }
    },
  };
}

export type Activities = ReturnType<typeof activitiesWith>;
