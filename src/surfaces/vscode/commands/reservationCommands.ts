/** Commands on reservations: booking one, a terminal in it, looking, giving it back. */
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import { parseDurationS } from '../../../operations/reservations/durations.ts';
import type { ReservationShape } from '../../../operations/reservations/wire.ts';
import { withProgress } from '../cancellation.ts';
import { likelyFolder, type Editor } from '../editor.ts';
import { askText, pickOne } from '../quickInput.ts';
import { subjectOf } from '../subjects.ts';
import { runWizard, type Step } from '../sweep/wizard.ts';
import { schedulerWord } from '../trees/clustersTree.ts';
import { reservationWord } from '../trees/reservationsTree.ts';

/** Reservations need no workspace. */
function anyFolder(editor: Editor): string {
  return likelyFolder() ?? editor.context.globalStorageUri.fsPath;
}

/** The reservation that the command was called on, else one that the user picks. */
export async function chosenReservation(editor: Editor, argument: unknown, title: string, filter: (row: ReservationShape) => boolean = () => true): Promise<ReservationShape | undefined> {
  const subject = subjectOf(argument);
  if (editor.reservations.rows.length === 0) await editor.reservations.refresh(false);
  if (subject?.kind === 'reservation') return editor.reservations.find(subject.id);
  const rows = editor.reservations.rows.filter(filter);
  if (rows.length === 0) {
    const book = l10n.t('Book a node');
    if ((await vscode.window.showInformationMessage(l10n.t('There is no reservation for which this can be done.'), book)) === book) await bookReservation(editor);
    return undefined;
  }
  const items = rows.map((row) => ({ label: row.name, description: row.cluster ?? row.host, detail: row.node === '' ? reservationWord(row) : l10n.t('{0} on {1}', reservationWord(row), row.node), row }));
  return (await vscode.window.showQuickPick(items, { title, matchOnDescription: true }))?.row;
}

export async function refreshReservations(editor: Editor): Promise<void> {
  await vscode.window.withProgress({ location: { viewId: 'hpcAgent.reservations' } }, () => editor.reservations.refresh(true));
}

export async function refreshReservation(editor: Editor, argument: unknown): Promise<void> {
  const row = await chosenReservation(editor, argument, l10n.t('Reservation to keep'));
  if (!row) return;
  const { reservationRefresh } = await import('../../../operations/reservations/look.ts');
  const folder = anyFolder(editor);
  const { reservation, did } = await withProgress(l10n.t('Looking at {0}', row.name), (signal, progress) => editor.core.call(reservationRefresh, { name: row.id }, { folder, signal, progress }));
  void vscode.window.showInformationMessage(`${reservation.name}: ${reservationWord(reservation)}${reservation.because === '' ? '' : ` (${reservation.because})`}${did.length === 0 ? '' : `; ${did.join('; ')}`}.`);
  await editor.reservations.refresh(false);
}

export async function releaseReservation(editor: Editor, argument: unknown): Promise<void> {
  const row = await chosenReservation(editor, argument, l10n.t('Reservation to release'));
  if (!row) return;
  const { reservationRelease } = await import('../../../operations/reservations/own.ts');
  const folder = anyFolder(editor);
  const sentence = await withProgress(l10n.t('Looking at {0}', row.name), (signal) => editor.core.confirmation(reservationRelease, { name: row.id }, { folder, signal }));
  const go: vscode.MessageItem = { title: l10n.t('Release') };
  const keep: vscode.MessageItem = { title: l10n.t('Keep'), isCloseAffordance: true };
  if ((await vscode.window.showWarningMessage(sentence ?? l10n.t('Release {0}?', row.name), { modal: true }, go, keep)) !== go) return;
  const { cancelled, notes } = await withProgress(l10n.t('Releasing {0}', row.name), (signal, progress) => editor.core.call(reservationRelease, { name: row.id }, { folder, signal, progress }));
  void vscode.window.showInformationMessage([cancelled.length === 0 ? l10n.t('{0} is released; there was no job of it any more.', row.name) : l10n.t('{0} is released.', row.name), ...(notes.length === 0 ? [] : [l10n.t('Note: {0}.', notes.join('; '))])].join(' '));
  await editor.reservations.refresh(false);
}

interface Wish {
  readonly cluster?: string;
  readonly name?: string;
  readonly walltime?: string;
  readonly cpus?: number;
  readonly idle?: string;
  readonly persistent?: boolean;
}

export async function bookReservation(editor: Editor): Promise<void> {
  const title = l10n.t('Book a node');
  await editor.clusters.refresh();
  const text = (name: string, prompt: string, value: (wish: Wish) => string, check: (typed: string) => string | undefined, take: (wish: Wish, typed: string) => Wish): Step<Wish> => ({
    name,
    ask: async (wish, place) => {
      const answer = await askText({ title, place, prompt, value: value(wish), check: (typed) => ((error) => (error === undefined ? {} : { error }))(check(typed.trim())) });
      if (answer.kind !== 'accept') return answer.kind === 'back' ? { kind: 'back', state: wish } : { kind: 'leave' };
      return { kind: 'next', state: take(wish, answer.value.trim()) };
    },
  });
  const isDuration = (typed: string): string | undefined => ((parseDurationS(typed) ?? 0) > 0 ? undefined : l10n.t('Write a time such as 4h, 90m or 1-12:00:00.'));
  const steps: readonly Step<Wish>[] = [
    {
      name: 'cluster',
      ask: async (wish, place) => {
        const items = editor.clusters.rows.map((row) => ({ label: row.name, description: `${schedulerWord(row.scheduler)} · ${row.target}` }));
        const answer = await pickOne({ title, place, placeholder: l10n.t('Cluster whose node is held'), items, active: ({ label }) => label === wish.cluster });
        if (answer.kind !== 'accept') return answer.kind === 'back' ? { kind: 'back', state: wish } : { kind: 'leave' };
        return { kind: 'next', state: { ...wish, cluster: answer.value.label } };
      },
    },
    text('name', l10n.t('Name of the reservation, for you'), ({ name }) => name ?? 'dev', (typed) => (/^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$/.test(typed) ? undefined : l10n.t('Letters, digits, dots, dashes and underscores, beginning with a letter or digit.')), (wish, name) => ({ ...wish, name })),
    text('walltime', l10n.t('How long it is held at most'), ({ walltime }) => walltime ?? '4h', isDuration, (wish, walltime) => ({ ...wish, walltime })),
    text('cpus', l10n.t('CPU cores'), ({ cpus }) => String(cpus ?? 1), (typed) => (/^[1-9]\d{0,4}$/.test(typed) ? undefined : l10n.t('Write a number from 1.')), (wish, cpus) => ({ ...wish, cpus: Number(cpus) })),
    text('idle', l10n.t('Released by itself after so long without use (empty: never)'), ({ idle }) => idle ?? '1h', (typed) => (typed === '' ? undefined : isDuration(typed)), (wish, idle) => ({ ...wish, idle })),
    {
      name: 'renewal',
      ask: async (wish, place) => {
        const items = [{ label: l10n.t('Ends with its walltime'), persistent: false }, { label: l10n.t('Renews itself until it is released'), persistent: true, description: l10n.t('the next job is submitted early, so that there is no gap') }];
        const answer = await pickOne({ title, place, placeholder: l10n.t('When its time is up'), items, active: ({ persistent }) => persistent === (wish.persistent ?? false) });
        if (answer.kind !== 'accept') return answer.kind === 'back' ? { kind: 'back', state: wish } : { kind: 'leave' };
        return { kind: 'next', state: { ...wish, persistent: answer.value.persistent } };
      },
    },
  ];
  const wish = await runWizard<Wish>({}, steps);
  if (wish?.cluster === undefined || wish.name === undefined) return;
  const { reservationBook } = await import('../../../operations/reservations/book.ts');
  const folder = editor.clusters.folderOf(wish.cluster);
  const input = { cluster: wish.cluster, name: wish.name, cpus: wish.cpus ?? 1, persistent: wish.persistent ?? false, ...(wish.walltime === undefined ? {} : { walltime: wish.walltime }), ...(wish.idle === undefined || wish.idle === '' ? {} : { release_after_idle: wish.idle }) };
  const sentence = await withProgress(l10n.t('Asking {0}', wish.cluster), (signal) => editor.core.confirmation(reservationBook, input, { folder, signal }));
  const go: vscode.MessageItem = { title: l10n.t('Book') };
  if ((await vscode.window.showInformationMessage(sentence ?? title, { modal: true }, go)) !== go) return;
  try {
    const { reservation } = await withProgress(l10n.t('Booking {0}', wish.name), (signal, progress) => editor.core.call(reservationBook, input, { folder, signal, progress }));
    const attach = l10n.t('Attach');
    void vscode.window.showInformationMessage(reservation.phase === 'held' ? l10n.t('{0} holds {1}.', reservation.name, reservation.node) : l10n.t('{0}: {1}.', reservation.name, reservationWord(reservation)), ...(reservation.phase === 'held' ? [attach] : [])).then(async (answer) => {
      if (answer === attach) await vscode.commands.executeCommand('hpc-agent.attachReservation', { kind: 'reservation', id: reservation.id });
    });
  } finally {
    await editor.reservations.refresh(false);
  }
}
