/**
 * Where our server differs from Temporal's on purpose, or where Temporal's writes something that no client reads. `npm run compare` passes
 * over these; docs/reference/compatibility.md lists them.
 */
export interface KnownDifference {
  /** Matches what `compare.ts` calls the difference: `EVENT_TYPE.attribute.path`, `refusals`, `events of …`. */
  readonly what: RegExp;
  /** Beginning of `area/scenario name`. Left out: everywhere. */
  readonly where?: string;
  /** For the table: what one sees. */
  readonly seen: string;
  readonly because: string;
}

export const DIFFERENCES: readonly KnownDifference[] = [
  {
    what: /^WORKFLOW_EXECUTION_TERMINATED\.reason$/,
    seen: 'a termination without a reason has none; Temporal’s server writes “terminated by user via frontend”',
    because: 'the event says who terminated the run, and only what its caller said',
  },
  {
    what: /^outcome$/,
    where: 'runs/a paused run takes signals',
    seen: 'a workflow can be paused; Temporal’s server has that behind a flag of the namespace',
    because: 'it works here, so nobody has to switch it on',
  },
  {
    what: /./,
    where: 'runs/a run that is paused before its first task gets it afterwards',
    seen: 'a pause leaves a workflow task that waits for a worker as it is; Temporal’s server writes it as failed',
    because: 'SDKs cannot replay a history in which a workflow task fails before it has started: the run could never go on',
  },
  {
    what: /^WORKFLOW_EXECUTION_STARTED\.firstWorkflowTaskBackoff$/,
    where: 'runs/a c',
    seen: 'the delay of a cron run is exact to the millisecond; Temporal’s server rounds it up to a second',
    because: 'a schedule begins when it says',
  },
  {
    what: /prevAutoResetPoints\.points\.\d+\.expireTime$/,
    seen: 'the reset points that a run takes over from the run before it have no expiry',
    because: 'a run does not know how long its namespace keeps closed runs; whoever resets to a point of a run that is gone is told so',
  },
  {
    what: /^WORKFLOW_TASK_FAILED\.failure\.message$/,
    seen: 'what is wrong with a command is said in other words, behind the same cause',
    because: 'clients read the cause in front of the text; ours says what is wrong and with which id',
  },
  {
    what: /^outcome$/,
    where: 'queries/',
    seen: 'with workers that keep no run in memory, some of many queries to one run fail there; here all are answered',
    because: 'ours asks such a worker one query for a run at a time: it drops the others that it took together with the run',
  },
];
