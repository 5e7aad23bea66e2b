/** What an action of the page is about, and the commands that the page may call: names and subjects as everywhere in the editor. */
import * as z from 'zod/mini';

const runId = z.string().check(z.regex(/^[A-Za-z0-9._-]{1,128}$/));
const taskId = z.number().check(z.int(), z.minimum(0));

/** The folder of a run is not the page's to say: the host looks it up. */
export const pageSubject = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('run'), runId }),
  z.object({ kind: z.literal('wave'), runId, wave: z.number() }),
  z.object({ kind: z.literal('tasks'), runId, taskIds: z.array(taskId) }),
  z.object({ kind: z.literal('task'), runId, taskId, stream: z.enum(['stdout', 'stderr']), find: z.optional(z.string()) }),
  z.object({ kind: z.literal('cluster'), name: z.string() }),
  z.object({ kind: z.literal('reservation'), id: z.string() }),
]);
export type PageSubject = z.output<typeof pageSubject>;

/** By name, without `hpc-agent.`; a unit test holds them against the commands that there are. */
export const pageCommands = [
  'newSweep',
  'trySample',
  'addCluster',
  'preflight',
  'showClusterSettings',
  'plan',
  'submitRun',
  'showJobScript',
  'resumeSubmission',
  'cancelRun',
  'cancelTasks',
  'resubmit',
  'showLog',
  'showStdout',
  'showStderr',
  'showRunDetails',
  'aggregate',
  'openResults',
  'openResultsCsv',
  'revealResultsFile',
  'copyRunId',
  'copyRemotePath',
  'bookReservation',
  'attachReservation',
  'refreshReservation',
  'releaseReservation',
  'showOutput',
] as const;
export const pageCommand = z.enum(pageCommands);
export type PageCommand = (typeof pageCommands)[number];
