/** The commands that the manifest promises. A unit test compares this list with package.json, the compiler with the handlers. */

export const commandIds = [
  'openDashboard',
  'addCluster',
  'preflight',
  'showClusterSettings',
  'openClustersFile',
  'discoverExecutors',
  'newSweep',
  'plan',
  'submitRun',
  'runCanary',
  'countTasks',
  'resumeSubmission',
  'refresh',
  'refreshClusters',
  'cancelRun',
  'cancelTasks',
  'resubmit',
  'showLog',
  'showStdout',
  'showStderr',
  'toggleFollowLog',
  'showEarlierLog',
  'showLogError',
  'aggregate',
  'openResults',
  'openResultsCsv',
  'revealResultsFile',
  'showJobScript',
  'showRunDetails',
  'copyRunId',
  'copyRemotePath',
  'showOutput',
  'trySample',
  'showMoreTasks',
  'bookReservation',
  'attachReservation',
  'refreshReservation',
  'releaseReservation',
  'refreshReservations',
  'showVersion',
] as const;

export type CommandName = (typeof commandIds)[number];
/** What a command is given: the row or subject it was called on, and all selected rows. */
export type CommandHandler = (argument?: unknown, selected?: unknown) => unknown;
export type CommandTable = Readonly<Record<CommandName, CommandHandler>>;
