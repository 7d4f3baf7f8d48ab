import { activityInfo, ApplicationFailure, CancelledFailure, heartbeat } from '@temporalio/activity';

/** As most classes of errors are: nobody wrote a name into it. */
class SoldOut extends Error {
  constructor(readonly what: string) {
    super(`${what} is sold out`);
  }
}

export class BookingService {
  async book(what: string, wish: string): Promise<string> {
    if (wish === `no ${what}`) throw new SoldOut(what);
    if (wish === 'bug') throw new TypeError(`${what} of undefined, attempt ${activityInfo().attempt}`);
    return `${what} booked`;
  }

  async cancelBooking(what: string): Promise<string> {
    return `${what} cancelled`;
  }

  /** Breaks once on the way, and goes on where it was. */
  async printTickets(pages: number): Promise<string> {
    const { heartbeatDetails, attempt } = activityInfo();
    let printed = 0;
    for (let page = heartbeatDetails ?? 0; page < pages; page++) {
      printed++;
      heartbeat(page + 1);
      if (page === 2 && attempt === 1) throw ApplicationFailure.retryable('paper jam', 'PaperJam');
    }
    return `${printed} pages in attempt ${attempt}`;
  }

  /** Nobody cancelled it. */
  async giveUp(): Promise<never> {
    throw new CancelledFailure('I do not want to');
  }
}

export function createActivities(service: BookingService) {
  return {
    book: service.book.bind(service),
    cancelBooking: service.cancelBooking.bind(service),
    printTickets: service.printTickets.bind(service),
    giveUp: service.giveUp.bind(service),
  };
}
export type Activities = ReturnType<typeof createActivities>;
