/** Why tasks failed, in the language of the window. The core's words stay English; a class that is new here is called as there. */
import { l10n } from '../../../../l10n/words.ts';

const titles = (): Readonly<Record<string, string>> => ({
  preempted: l10n.t('Preempted'),
  gpu_oom: l10n.t('GPU out of memory'),
  system_oom: l10n.t('Out of memory'),
  walltime: l10n.t('Time limit'),
  node_failure: l10n.t('Node failure'),
  disk_full: l10n.t('Disk full'),
  segv: l10n.t('Crash in compiled code'),
  import_error: l10n.t('Software missing'),
  file_not_found: l10n.t('File not found'),
  permission_denied: l10n.t('Permission denied'),
  python_traceback: l10n.t('Error in the program'),
  unknown: l10n.t('Failed, cause not found'),
});

export function failureTitle({ error_class, title }: { readonly error_class: string; readonly title: string }): string {
  return titles()[error_class] ?? title;
}
