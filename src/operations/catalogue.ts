/**
 * Every operation, in the order in which people meet them, each with its file loaded when it is asked for: a command that needs one
 * operation must not pay for all.
 */
import type { Operation } from './operation.ts';

const loaders: Readonly<Record<string, () => Promise<Operation>>> = {
  capabilities: async () => (await import('./capabilities.ts')).capabilities,
  'clusters-list': async () => (await import('./clusters.ts')).clustersList,
  'clusters-describe': async () => (await import('./clusters.ts')).clustersDescribe,
  'clusters-candidates': async () => (await import('./clusters.ts')).clustersCandidates,
  'clusters-add': async () => (await import('./clusters.ts')).clustersAdd,
  preflight: async () => (await import('./preflight.ts')).preflight,
  resources: async () => (await import('./resources.ts')).resources,
  discover: async () => (await import('./discover.ts')).discover,
  'build-tasks-py': async () => (await import('./buildTasksPy.ts')).buildTasksPy,
  plan: async () => (await import('./plan.ts')).plan,
  submit: async () => (await import('./submit.ts')).submit,
  sync: async () => (await import('./sync.ts')).sync,
  'verify-canary': async () => (await import('./verifyCanary.ts')).verifyCanary,
  'list-runs': async () => (await import('./listRuns.ts')).listRuns,
  status: async () => (await import('./status.ts')).status,
  'task-columns': async () => (await import('./taskColumns.ts')).taskColumns,
  'run-record': async () => (await import('./runRecord.ts')).runRecord,
  monitor: async () => (await import('./monitor.ts')).monitor,
  logs: async () => (await import('./logs.ts')).logs,
  failures: async () => (await import('./failures.ts')).failures,
  efficiency: async () => (await import('./efficiency.ts')).efficiency,
  resubmit: async () => (await import('./resubmit.ts')).resubmit,
  cancel: async () => (await import('./cancel.ts')).cancel,
  reconcile: async () => (await import('./reconcile.ts')).reconcile,
  'adopt-job': async () => (await import('./adoptJob.ts')).adoptJob,
  'prune-orphan-sidecars': async () => (await import('./adoptJob.ts')).pruneOrphanSidecars,
  aggregate: async () => (await import('./aggregate.ts')).aggregate,
  'verify-aggregation-complete': async () => (await import('./aggregate.ts')).verifyAggregationComplete,
  'discover-reducers': async () => (await import('./clusterReduce.ts')).discoverReducers,
  'cluster-reduce': async () => (await import('./clusterReduce.ts')).clusterReduce,
  results: async () => (await import('./results.ts')).results,
  'results-notebook': async () => (await import('./resultsNotebook.ts')).resultsNotebook,
  'task-files': async () => (await import('./taskFiles.ts')).taskFiles,
  'task-file': async () => (await import('./taskFiles.ts')).taskFile,
  'find-prior-run': async () => (await import('./findPriorRun.ts')).findPriorRun,
  'job-run': async () => (await import('./jobs/jobs.ts')).jobRun,
  'job-list': async () => (await import('./jobs/jobs.ts')).jobList,
  'job-show': async () => (await import('./jobs/jobs.ts')).jobShow,
  'job-log': async () => (await import('./jobs/jobs.ts')).jobLog,
  'job-fetch': async () => (await import('./jobs/fetch.ts')).jobFetch,
  'job-cancel': async () => (await import('./jobs/jobs.ts')).jobCancel,
  'reservation-book': async () => (await import('./reservations/book.ts')).reservationBook,
  'reservation-list': async () => (await import('./reservations/look.ts')).reservationList,
  'reservation-get': async () => (await import('./reservations/look.ts')).reservationGet,
  'reservation-exec': async () => (await import('./reservations/exec.ts')).reservationExec,
  'reservation-attach': async () => (await import('./reservations/attach.ts')).reservationAttach,
  'reservation-refresh': async () => (await import('./reservations/look.ts')).reservationRefresh,
  'reservation-verify': async () => (await import('./reservations/look.ts')).reservationVerify,
  'reservation-adopt': async () => (await import('./reservations/own.ts')).reservationAdopt,
  'reservation-release': async () => (await import('./reservations/own.ts')).reservationRelease,
};

export const operationNames: readonly string[] = Object.keys(loaders);

/** Undefined where there is no operation of that name. */
export async function loadOperation(name: string): Promise<Operation | undefined> {
  return Object.hasOwn(loaders, name) ? loaders[name]?.() : undefined;
}

export async function loadCatalogue(): Promise<readonly Operation[]> {
  return Promise.all(Object.values(loaders).map((load) => load()));
}
