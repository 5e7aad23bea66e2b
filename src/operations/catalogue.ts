/** Every operation, in the order in which people meet them. */
import { adoptJob, pruneOrphanSidecars } from './adoptJob.ts';
import { aggregate, verifyAggregationComplete } from './aggregate.ts';
import { buildTasksPy } from './buildTasksPy.ts';
import { cancel } from './cancel.ts';
import { capabilitiesOf } from './capabilities.ts';
import { clusterReduce, discoverReducers } from './clusterReduce.ts';
import { clustersAdd, clustersCandidates, clustersDescribe, clustersList } from './clusters.ts';
import { discover } from './discover.ts';
import { efficiency } from './efficiency.ts';
import { failures } from './failures.ts';
import { findPriorRun } from './findPriorRun.ts';
import { jobCancel, jobList, jobLog, jobRun, jobShow } from './jobs/jobs.ts';
import { listRuns } from './listRuns.ts';
import { logs } from './logs.ts';
import { monitor } from './monitor.ts';
import type { Operation } from './operation.ts';
import { plan } from './plan.ts';
import { preflight } from './preflight.ts';
import { reconcile } from './reconcile.ts';
import { reservationAttach } from './reservations/attach.ts';
import { reservationBook } from './reservations/book.ts';
import { reservationExec } from './reservations/exec.ts';
import { reservationGet, reservationList, reservationRefresh, reservationVerify } from './reservations/look.ts';
import { reservationAdopt, reservationRelease } from './reservations/own.ts';
import { resources } from './resources.ts';
import { resubmit } from './resubmit.ts';
import { results } from './results.ts';
import { status } from './status.ts';
import { verifyCanary } from './verifyCanary.ts';
import { submit } from './submit.ts';

export const catalogue: readonly Operation[] = [
  capabilitiesOf(() => catalogue),
  clustersList,
  clustersDescribe,
  clustersCandidates,
  clustersAdd,
  preflight,
  resources,
  discover,
  buildTasksPy,
  plan,
  submit,
  verifyCanary,
  listRuns,
  status,
  monitor,
  logs,
  failures,
  efficiency,
  resubmit,
  cancel,
  reconcile,
  adoptJob,
  pruneOrphanSidecars,
  aggregate,
  verifyAggregationComplete,
  discoverReducers,
  clusterReduce,
  results,
  findPriorRun,
  jobRun,
  jobList,
  jobShow,
  jobLog,
  jobCancel,
  reservationBook,
  reservationList,
  reservationGet,
  reservationExec,
  reservationAttach,
  reservationRefresh,
  reservationVerify,
  reservationAdopt,
  reservationRelease,
];
