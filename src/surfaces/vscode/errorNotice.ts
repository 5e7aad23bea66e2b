/** What a person is told about a failure: one message, what to do, and the buttons that do it. */
import { l10n } from '../../../l10n/words.ts';
import { CancelledError } from '../../foundation/abort.ts';
import { toHpcError } from '../../foundation/errors.ts';

export type NoticeButton = 'Retry' | 'Preflight' | 'Manage trust' | 'Open file' | 'Finish submission…' | 'Show output';

export function buttonTitle(button: NoticeButton): string {
  switch (button) {
    case 'Retry':
      return l10n.t('Retry');
    case 'Preflight':
      return l10n.t('Preflight');
    case 'Manage trust':
      return l10n.t('Manage trust');
    case 'Open file':
      return l10n.t('Open file');
    case 'Finish submission…':
      return l10n.t('Finish submission…');
    case 'Show output':
      return l10n.t('Show output');
  }
}

export interface ErrorNotice {
  readonly text: string;
  readonly buttons: readonly NoticeButton[];
  readonly cluster?: string;
  readonly file?: string;
  /** The run whose submission was interrupted. */
  readonly runId?: string;
}

// not translated: names of buttons; `buttonTitle` has their words
/** Undefined where nobody needs to be told: the user cancelled. */
export function errorNotice(error: unknown, options: { readonly canRetry: boolean; readonly cluster?: string }): ErrorNotice | undefined {
  if (CancelledError.is(error)) return undefined;
  const typed = toHpcError(error);
  const named = typed.details?.cluster;
  const cluster = typeof named === 'string' ? named : options.cluster;
  const file = typed.details?.file;
  const runId = typed.details?.run_id;
  const untrusted = typed.details?.untrusted === true;
  const buttons: NoticeButton[] = [];
  if (untrusted) buttons.push('Manage trust');
  if (typed.code === 'config_invalid' && typeof file === 'string') buttons.push('Open file');
  // Trying a half-done submission anew could be told as a new run: finishing it looks first.
  if (typeof runId === 'string') buttons.push('Finish submission…');
  else if (options.canRetry && typed.retrySafe) buttons.push('Retry');
  if (cluster !== undefined && (typed.category === 'network' || typed.category === 'cluster')) buttons.push('Preflight');
  if (!untrusted) buttons.push('Show output');
  return {
    text: typed.remediation === undefined ? typed.message : `${typed.message} ${typed.remediation}`,
    buttons,
    ...(cluster === undefined ? {} : { cluster }),
    ...(typeof file === 'string' ? { file } : {}),
    ...(typeof runId === 'string' ? { runId } : {}),
  };
}
