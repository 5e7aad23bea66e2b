/**
 * `@hpc`: slash commands are answered from operation output, without a model; free text goes to the chosen model with our
 * tools and no others. What spends or ends something is done by a button that asks.
 */
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import { CancelledError } from '../../../foundation/abort.ts';
import { toHpcError } from '../../../foundation/errors.ts';
import { signalOf } from '../cancellation.ts';
import { likelyFolder, type Editor } from '../editor.ts';
import { escapeMarkdown } from '../markdown.ts';

const participantId = 'hpc-agent.hpc';

export function registerParticipant(editor: Editor): vscode.Disposable {
  const participant = vscode.chat.createChatParticipant(participantId, async (request, history, stream, token) => {
    const { signal, dispose } = signalOf(token);
    try {
      const folder = likelyFolder();
      if (folder === undefined) {
        stream.markdown(l10n.t('Open the folder that holds the scripts to run, then ask again.'));
        stream.button({ command: 'workbench.action.files.openFolder', title: l10n.t('Open folder') });
        return {};
      }
      if (request.command === undefined) {
        const { talk } = await import('./toolLoop.ts');
        if (await talk(request, history, stream, token, editor)) return {};
      }
      const { answerTo } = await import('./slashCommands.ts');
      stream.progress(l10n.t('Looking'));
      const answer = await answerTo(request.command, request.prompt, { editor, folder, signal });
      if (request.command === 'status' || request.command === 'why') void editor.runs.refreshQuietly(false);
      stream.markdown(answer.markdown);
      for (const { title, command, arguments: args } of answer.buttons) stream.button({ title, command, ...(args ? { arguments: [...args] } : {}) });
      return { metadata: { command: request.command ?? '' } };
    } catch (error) {
      if (CancelledError.is(error)) return {};
      const typed = toHpcError(error);
      editor.log.error(typed.message, { code: typed.code });
      stream.markdown(`**${escapeMarkdown(typed.message)}**${typed.remediation === undefined ? '' : `\n\n${escapeMarkdown(typed.remediation)}`}`);
      stream.button({ command: 'hpc-agent.showOutput', title: l10n.t('Show output') });
      return { errorDetails: { message: typed.message }, metadata: { code: typed.code } };
    } finally {
      dispose();
    }
  });
  participant.iconPath = new vscode.ThemeIcon('server-process');
  participant.followupProvider = {
    provideFollowups: ({ metadata }) => {
      const next: Readonly<Record<string, string>> = { discover: 'plan', plan: 'submit', status: 'why', why: 'status', runs: 'status' };
      const { command: last } = (metadata ?? {}) as { command?: unknown };
      const command = typeof last === 'string' ? next[last] : undefined;
      return command === undefined ? [] : [{ prompt: '', command, label: `/${command}` }];
    },
  };
  return participant;
}
