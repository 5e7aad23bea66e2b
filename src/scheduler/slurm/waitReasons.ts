/** Why a job of Slurm waits, in words for people. A reason that is not listed is given as Slurm wrote it. */

const sentences: readonly (readonly [pattern: RegExp, words: string])[] = [
  [/^Resources$/, 'It is next, and waits until enough cores, memory or GPUs are free.'],
  [/^Priority$/, 'Jobs of higher priority go first.'],
  [/^(Dependency)$/, 'It waits for another job to end.'],
  [/^DependencyNeverSatisfied$/, 'It waits for a job that did not end as demanded: it will never start. Cancel it.'],
  [/^JobArrayTaskLimit$/, 'Its array runs as many elements at once as it was told to.'],
  [/^(JobHeldUser|JobHeldAdmin)$/, 'It is held: it starts only after it is released.'],
  [/^JobHoldMaxRequeue$/, 'It was requeued too often, and Slurm holds it now.'],
  [/^BeginTime$/, 'It was told not to start before a certain time.'],
  [/^Licenses$/, 'It waits for a licence.'],
  [/^(Reservation|ReqNodeNotAvail, May be reserved)/, 'Its nodes are reserved for others, or its reservation has not begun.'],
  [/UnavailableNodes|ReqNodeNotAvail|Nodes required for job are DOWN/i, 'The nodes that it needs are down, closed, or reserved for jobs of higher priority.'],
  [/^PartitionTimeLimit$/, 'It asks for more time than its partition allows: it will not start. Change it or the partition.'],
  [/^PartitionNodeLimit$/, 'It asks for more nodes than its partition allows: it will not start.'],
  [/^PartitionDown$/, 'Its partition is down.'],
  [/^PartitionInactive$/, 'Its partition takes no jobs now.'],
  [/^BadConstraints$/, 'No node can ever fulfil what it asks for.'],
  [/^NodeDown$/, 'A node that it needs is down.'],
  [/^Cleaning$/, 'It is being cleaned up after a requeue.'],
  [/^(launch failed requeued held|.*requeued held)$/i, 'It failed to start and is held now: release it to try again.'],
  [/^InvalidAccount$/, 'Its account may not be used.'],
  [/^InvalidQOS$/, 'Its QOS may not be used.'],
  [/^AssociationJobLimit$|^Assoc\w*JobsLimit$|^AssocMaxJobsLimit$/, 'Your account runs as many jobs at once as it may.'],
  [/^QOS\w*(MaxJobs|JobsPerUser)\w*Limit$|^QOSMaxJobsPerUserLimit$/, 'You run as many jobs at once as the QOS allows.'],
  [/^QOSMaxCpuPerUserLimit$|^QOSMaxCpu\w*$|^QOSGrpCpu\w*$/, 'You use as many cores at once as the QOS allows.'],
  [/^QOS\w*(GRES|Gres)\w*$/, 'You use as many GPUs at once as the QOS allows.'],
  [/^QOS\w*Mem\w*$/, 'You use as much memory at once as the QOS allows.'],
  [/^QOS\w*Node\w*$/, 'You use as many nodes at once as the QOS allows.'],
  [/^QOS\w*(Wall|Minutes|RunMins)\w*$/, 'The time that the QOS grants is used up, or it asks for more than the QOS allows.'],
  [/^Assoc\w*(Cpu|CPU)\w*$/, 'Your account uses as many cores as it may.'],
  [/^Assoc\w*(GRES|Gres)\w*$/, 'Your account uses as many GPUs as it may.'],
  [/^Assoc\w*Mem\w*$/, 'Your account uses as much memory as it may.'],
  [/^Assoc\w*(Wall|Minutes|RunMins)\w*$/, 'The time that your account was granted is used up, or it asks for more than it may.'],
  [/^(QOS|Assoc)\w*Limit$/, 'A limit of your account or QOS is reached.'],
];

/** Slurm's word may carry details after a comma or in brackets. */
export function explainSlurmReason(reason: string): string {
  if (reason === '' || reason === 'None') return 'The scheduler has not looked at it yet.';
  const known = sentences.find(([pattern]) => pattern.test(reason));
  return known ? known[1] : `Slurm says: ${reason}.`;
}
