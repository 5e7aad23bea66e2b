/**
 * Tells people what became of their runs, with the buttons that go on from there.
 *
 * Rules: every event is claimed before it is told, so that one window tells it once; the window that has the person's attention goes first;
 * what is in view there is not told at all; what is over within a moment (a failure that is submitted again) is not told either.
 */
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import type { Log } from '../../../foundation/log.ts';
import { messageOf } from '../../../foundation/errors.ts';
import type { RunSummary } from '../../../operations/schemas.ts';
import type { Core } from '../core.ts';
import type { RunsStore } from '../trees/runsStore.ts';
import { isOpen } from '../trees/runWords.ts';
import { isWanted, noticesOf, type NoticeAction, type NoticeLevel, type RunNotice } from './runNotices.ts';

/** How long an event must last before it is told. */
const lastsMs = 2_000;
/** What has failed in a run that goes on may be the first of many. */
const attentionLastsMs = 8_000;
const behindMs = 2_000;

export interface NotifierParts {
  readonly core: Core;
  readonly log: Log;
  readonly runs: RunsStore;
  /** Whether the person sees this run in this window now. */
  readonly isInView: (runId: string) => boolean;
  readonly revealRun: (runId: string) => Promise<void>;
}

interface Waiting {
  readonly folder: string;
  readonly runId: string;
  readonly event: string;
  readonly timer: NodeJS.Timeout;
}

export class RunNotifier implements vscode.Disposable {
  private readonly waiting = new Map<string, Waiting>();
  private readonly told = new Set<string>();
  private readonly followed = new Set<string>();
  private readonly subscription: vscode.Disposable;

  constructor(private readonly parts: NotifierParts) {
    this.subscription = parts.runs.onDidChange(() => this.changed());
  }

  dispose(): void {
    this.subscription.dispose();
    for (const { timer } of this.waiting.values()) clearTimeout(timer);
    this.waiting.clear();
  }

  private level(): NoticeLevel {
    return vscode.workspace.getConfiguration('hpcAgent').get<NoticeLevel>('notifications', 'all');
  }

  private changed(): void {
    if (this.level() === 'off') return;
    for (const { folder, runs } of this.parts.runs.state.folders) {
      for (const run of runs) {
        if (isOpen(run)) this.follow(folder, run);
        for (const notice of noticesOf(run)) this.expect(folder, run, notice);
      }
    }
  }

  /** From when on there is something to tell of this run. */
  private follow(folder: string, run: RunSummary): void {
    if (this.followed.has(run.run_id)) return;
    this.followed.add(run.run_id);
    void this.claim(folder, run, []).catch((error: unknown) => {
      this.followed.delete(run.run_id);
      this.parts.log.warn(`A run could not be followed: ${messageOf(error)}`);
    });
  }

  private expect(folder: string, run: RunSummary, { event, isProblem }: RunNotice): void {
    const key = `${run.run_id} ${event}`;
    if (this.told.has(key) || this.waiting.has(key)) return;
    const waitMs = (isProblem && isOpen(run) ? attentionLastsMs : lastsMs) + (vscode.window.state.focused ? 0 : behindMs);
    const timer = setTimeout(() => {
      this.waiting.delete(key);
      void this.tell(folder, run.run_id, event).catch((error: unknown) => this.parts.log.warn(`What became of a run could not be told: ${messageOf(error)}`));
    }, waitMs);
    this.waiting.set(key, { folder, runId: run.run_id, event, timer });
  }

  private async tell(folder: string, runId: string, event: string): Promise<void> {
    const run = this.parts.runs.find(runId);
    const notice = run && noticesOf(run).find((candidate) => candidate.event === event);
    if (!run || !notice) return;
    const [claimed] = await this.claim(folder, run, [event]);
    this.told.add(`${runId} ${event}`);
    // What nobody wanted to hear when it happened is not told later, when the setting is another one.
    if (claimed === undefined || !isWanted(notice, this.level()) || (vscode.window.state.focused && this.parts.isInView(runId))) return;
    await this.show(folder, runId, notice);
  }

  private claim(folder: string, run: RunSummary, events: readonly string[]): Promise<readonly string[]> {
    return this.parts.core.within('reads', { folder }, async (context) => {
      const { claimRunNotices } = await import('../../../operations/notices.ts');
      return claimRunNotices({ runId: run.run_id, isOpen: isOpen(run), events }, context);
    });
  }

  private async show(folder: string, runId: string, notice: RunNotice): Promise<void> {
    const titles: Readonly<Record<NoticeAction, string>> = { results: l10n.t('Open results'), why: l10n.t('Why?'), again: l10n.t('Submit again…'), resume: l10n.t('Finish submission…'), show: l10n.t('Show run') };
    const items = notice.actions.map((action) => ({ title: titles[action], action }));
    const chosen = await (notice.isProblem ? vscode.window.showWarningMessage(notice.text, ...items) : vscode.window.showInformationMessage(notice.text, ...items));
    const subject = { kind: 'run', folder, runId } as const;
    const commands: Readonly<Record<Exclude<NoticeAction, 'show'>, string>> = { results: 'hpc-agent.openResults', why: 'hpc-agent.openDashboard', again: 'hpc-agent.resubmit', resume: 'hpc-agent.resumeSubmission' };
    if (chosen?.action === 'show') await this.parts.revealRun(runId);
    else if (chosen) await vscode.commands.executeCommand(commands[chosen.action], subject);
  }
}
