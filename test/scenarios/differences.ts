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
    what: /^outcome$/,
    where: 'standalone-activities/operators',
    seen: 'activities without a workflow can be paused, unpaused, reset, given other options, and be the subject of batch operations; Temporal’s server has that behind flags',
    because: 'it works here, so nobody has to switch it on',
  },
  {
    what: /^outcome$/,
    where: 'task-queues/of tasks that wait',
    seen: 'priority keys order the tasks of a whole queue; on Temporal’s server each of its partitions for itself',
    because: 'a queue has one partition here',
  },
  {
    what: /^outcome$/,
    where: 'task-queues/a fairness key with few tasks',
    seen: 'fairness keys share a whole queue; on Temporal’s server each of its partitions for itself, and behind a flag',
    because: 'a queue has one partition here, and nobody has to switch fairness on',
  },
  {
    what: /^outcome$/,
    where: 'task-queues/fairness keys share by their weights',
    seen: 'weights hold for a whole queue; on Temporal’s server for each of its partitions, and behind a flag',
    because: 'a queue has one partition here, and nobody has to switch fairness on',
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
    what: /nexus-operation-token$|temporal-callback-token$|^NEXUS_OPERATION_STARTED\.operation(Id|Token)$/,
    where: 'nexus/',
    seen: 'tokens of Nexus operations',
    because: 'they hold the ids of runs, in a form of the server’s own or of the handler’s',
  },
  {
    what: /^(NEXUS_OPERATION_FAILED|WORKFLOW_EXECUTION_FAILED)\.failure\.cause\.source$/,
    where: 'nexus/',
    seen: 'the failure of a Nexus operation says which SDK it came from, as every other failure does',
    because: 'the handler says so; Temporal’s server drops it where a handler fails an operation, and keeps it where a workflow behind one fails',
  },
  {
    what: /^WORKFLOW_EXECUTION_CONTINUED_AS_NEW\.initialVersioningBehavior$/,
    where: 'deployments/',
    seen: 'the end of a run that continues as new says how the next one finds its version, as the protocol has it; Temporal’s server leaves that out',
    because: 'whoever reads the history can see why the next run moved',
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
  {
    what: /^outcome$/,
    where: 'visibility/beyond Temporal',
    seen: 'lists may be ordered by any attribute of one value, counts grouped by any; times may be relative to now (`\'-24h\'`); a text in quotes alone is searched for, also in messages of failures (`FailureMessage`)',
    because: 'they are refused there, so no query of today means something else',
  },
  {
    what: /^outcome$/,
    where: 'visibility/exact where',
    seen: '`STARTS_WITH` and lists of keywords mind the case of letters, times are compared with all their digits, a list with `GROUP BY` is refused',
    because: 'Temporal’s stores differ among themselves in the first two; the third has no meaning there',
  },
  {
    what: /^(refusals|outcome|events of .*)$/,
    where: 'batch/',
    seen: 'ten batch jobs of a namespace run at once; Temporal’s server runs one by default and refuses the next',
    because: 'a job is a machine like any other here, so a second one costs the first nothing',
  },
  {
    what: /^WORKFLOW_EXECUTION_CANCEL_REQUESTED\.cause$/,
    where: 'batch/',
    seen: 'a cancellation by a batch job names the reason of the job as its cause',
    because: 'whoever reads the history can see why',
  },
  {
    what: /^refusals$/,
    where: 'namespaces/a deleted namespace',
    seen: 'a namespace that was registered again is there for the next request; Temporal’s server does not know it for some seconds',
    because: 'nobody has to wait for what has been answered',
  },
];
