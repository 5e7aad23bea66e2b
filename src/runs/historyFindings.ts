/** What earlier runs and the project's playbook say of a plan, in hpc-agent's codes. Advice from measurements never refuses a run; a rule of the playbook may. */
import { formatDurationS } from '../cluster/units.ts';
import type { ResourceRequest } from '../scheduler/port.ts';
import { adviseMemory, readableMiB } from './efficiency.ts';
import type { Finding } from './planRun.ts';
import { defaultWalltimeRules, type Playbook, type PlaybookProblem } from './playbook.ts';
import { quantile, type RuntimeRollup } from './runtimeQuantiles.ts';
import { gpuTypeOf } from './runtimeSamples.ts';

export interface HistoryQuestion {
  readonly cluster: string;
  readonly profile: string;
  readonly resources: ResourceRequest;
  /** Time limit that will hold, the partition's own where none is asked for. */
  readonly walltimeS: number | undefined;
  readonly workloadTags: readonly string[];
}

/** So many tasks must have run before it is said that they need less. */
const enoughForAdvice = 5;
/** A limit this many times above the slowest of a hundred makes the queue wait for nothing. */
const farAbove = 4;

const asPercent = (q: number): string => `p${Number((q * 100).toFixed(2))}`;

export function historyFindings(question: HistoryQuestion, history: RuntimeRollup, playbook: Playbook | PlaybookProblem): readonly Finding[] {
  const findings: Finding[] = [];
  const { resources, walltimeS } = question;
  const type = gpuTypeOf(resources);
  if ('file' in playbook) {
    findings.push({
      severity: 'error',
      code: 'playbook_parse_error',
      message: `${playbook.file}${playbook.line === null ? '' : `:${playbook.line}`}: ${playbook.message}.`,
      suggestedFix: 'Mend .hpc/playbook.yaml, or move it aside.',
    });
  }
  const rules = 'file' in playbook || playbook.walltimeRules.length === 0 ? defaultWalltimeRules : playbook.walltimeRules;
  for (const { gpu, workloadTag, severity, reason } of 'file' in playbook ? [] : playbook.knownBad) {
    if (gpu !== resources.gpuType || !question.workloadTags.includes(workloadTag)) continue;
    findings.push({ severity, code: 'known_bad_combination', message: `${gpu} with ${workloadTag} is known to go wrong (.hpc/playbook.yaml)${reason === '' ? '.' : `: ${reason}`}`, suggestedFix: `Take another GPU type, or leave the tag ${workloadTag} out.` });
  }
  const seconds = history.seconds.get(type);
  if (!seconds) {
    if (resources.walltimeS !== undefined) findings.push({ severity: 'info', code: 'cold_start_no_history', message: `No task of ${question.profile} has run on ${question.cluster} (${type}) yet, so the time limit is not compared with earlier ones.` });
    return findings;
  }
  const times = history.sorted.get(type) ?? [];
  // Where several rules strike, the gravest is enough.
  const grave: Readonly<Record<Finding['severity'], number>> = { error: 2, warning: 1, info: 0 };
  const struck = walltimeS === undefined ? [] : rules.flatMap((rule) => (walltimeS < quantile(times, rule.belowQuantile) ? [rule] : [])).sort((a, b) => grave[b.severity] - grave[a.severity] || b.belowQuantile - a.belowQuantile);
  for (const rule of struck) {
    const needS = quantile(times, rule.belowQuantile);
    findings.push({
      severity: rule.severity,
      code: 'walltime_below_quantile',
      message: `${rule.message} Asked: ${formatDurationS(walltimeS ?? 0)}; ${asPercent(rule.belowQuantile)} of ${seconds.n_samples} earlier tasks: ${formatDurationS(needS)} (${type}).`,
      suggestedFix: `Ask for ${formatDurationS(Math.max(needS, Math.ceil((seconds.p99 * 1.2) / 60) * 60))}.`,
    });
  }
  if (resources.walltimeS !== undefined && seconds.n_samples >= enoughForAdvice && resources.walltimeS > Math.max(3600, seconds.max * farAbove)) {
    findings.push({
      severity: 'info',
      code: 'walltime_far_above_need',
      message: `The longest of ${seconds.n_samples} earlier tasks took ${formatDurationS(seconds.max)}, and ${formatDurationS(resources.walltimeS)} is asked for: long limits wait longer in the queue.`,
      suggestedFix: `${formatDurationS(Math.ceil((seconds.max * 1.5) / 600) * 600)} would do.`,
    });
  }
  const memory = history.memoryMiB.get(type);
  if (memory && resources.memoryMiB !== undefined) {
    if (resources.memoryMiB < memory.max) {
      findings.push({ severity: 'warning', code: 'memory_below_peak', message: `${readableMiB(resources.memoryMiB)} per task is below what an earlier task used at most (${readableMiB(memory.max)}): it may be killed for its memory.`, suggestedFix: `Ask for ${readableMiB(adviseMemory(memory.max))}.` });
    } else if (memory.n_samples >= enoughForAdvice && adviseMemory(memory.max) <= resources.memoryMiB / 2) {
      findings.push({ severity: 'info', code: 'memory_far_above_need', message: `Earlier tasks used at most ${readableMiB(memory.max)}, and ${readableMiB(resources.memoryMiB)} is asked for.`, suggestedFix: `${readableMiB(adviseMemory(memory.max))} would do.` });
    }
  }
  return findings;
}
