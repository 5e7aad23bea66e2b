/** Commands on clusters: adding one from ~/.ssh/config or by hand, checking one, showing where its settings come from. */
import * as os from 'node:os';
import * as vscode from 'vscode';
import { l10n } from '../../../../l10n/words.ts';
import { withProgress } from '../cancellation.ts';
import { codeSpan, escapeMarkdown, table } from '../markdown.ts';
import { showDocument } from '../documents/textDocuments.ts';
import { likelyFolder, type Editor } from '../editor.ts';
import { askText, pickOne } from '../quickInput.ts';
import { subjectOf } from '../subjects.ts';
import { runWizard, type Step } from '../sweep/wizard.ts';
import { schedulerWord } from '../trees/clustersTree.ts';

interface NewCluster {
  readonly host?: string;
  readonly user?: string;
  readonly port?: number;
  readonly typed?: boolean;
  readonly name?: string;
}

/** `login.hpc.example.org` is known as hpc; an address of numbers says nothing. */
function nameFor(host: string): string {
  if (/^[\d.]+$/.test(host)) return '';
  return host.split('.')[/^(login|ssh)\d*\./.test(host) ? 1 : 0] ?? '';
}

type HostRow = vscode.QuickPickItem & { readonly host: string | undefined };

/** Clusters need no workspace: without one the home folder stands in for it. */
function anyFolder(editor: Editor): string {
  return likelyFolder() ?? editor.context.globalStorageUri.fsPath;
}

/** The name of the added cluster, undefined where the user left. */
export async function addCluster(editor: Editor): Promise<string | undefined> {
  const folder = anyFolder(editor);
  const { clustersAdd, clustersCandidates } = await import('../../../operations/clusters.ts');
  const { hosts } = await editor.core.call(clustersCandidates, {}, { folder });
  const title = l10n.t('Add cluster');
  const address = /^(?:(?<user>[^\s@:/]+)@)?(?<host>[A-Za-z0-9][A-Za-z0-9._-]*)(?::(?<port>\d{1,5}))?$/;
  const hostStep: Step<NewCluster> = {
    name: 'host',
    ask: async (draft, place) => {
      const free = hosts.filter(({ configured_as }) => configured_as === null);
      const taken = hosts.filter(({ configured_as }) => configured_as !== null);
      const byHand: HostRow = { label: l10n.t('$(edit) Another host…'), description: l10n.t('user@login.example.org'), alwaysShow: true, host: undefined };
      const rows: HostRow[] = [...free, ...taken].map((host) => ({
        label: `$(vm) ${host.alias}`,
        description: [host.user, host.hostname].filter((part) => part !== null).join('@'),
        ...(host.configured_as === null ? {} : { detail: l10n.t('already there as {0}', host.configured_as) }),
        host: host.alias,
      }));
      const answer = await pickOne({ title, place, placeholder: rows.length > 0 ? l10n.t('Hosts of ~/.ssh/config') : l10n.t('~/.ssh/config names no host: type one'), items: [...rows, byHand] });
      if (answer.kind !== 'accept') return answer.kind === 'back' ? { kind: 'back', state: draft } : { kind: 'leave' };
      const { host } = answer.value;
      return { kind: 'next', state: host === undefined ? { typed: true } : { host, typed: false } };
    },
  };
  const typedStep: Step<NewCluster> = {
    name: 'address',
    applies: (draft) => draft.typed === true,
    ask: async (draft, place) => {
      const answer = await askText({
        title,
        place,
        prompt: l10n.t('Login host, as you would type it after ssh'),
        placeholder: l10n.t('alice@login.example.org'),
        value: draft.host === undefined ? '' : `${draft.user === undefined ? '' : `${draft.user}@`}${draft.host}${draft.port === undefined ? '' : `:${draft.port}`}`,
        check: (text) => (address.test(text.trim()) ? {} : { error: l10n.t('Write a host name, user@host or user@host:port.') }),
      });
      if (answer.kind !== 'accept') return answer.kind === 'back' ? { kind: 'back', state: draft } : { kind: 'leave' };
      const { user, host, port } = address.exec(answer.value)?.groups ?? {};
      return { kind: 'next', state: { typed: true, ...(host === undefined ? {} : { host }), ...(user === undefined ? {} : { user }), ...(port === undefined ? {} : { port: Number(port) }) } };
    },
  };
  const nameStep: Step<NewCluster> = {
    name: 'name',
    ask: async (draft, place) => {
      const known = new Set(editor.clusters.rows.map(({ name }) => name));
      const answer = await askText({
        title,
        place,
        prompt: l10n.t('Name of the cluster, for you'),
        value: draft.name ?? nameFor(draft.host ?? ''),
        check: (text) =>
          known.has(text.trim()) ? { error: l10n.t('There is a cluster {0} already.', text.trim()) } : /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text.trim()) ? {} : { error: l10n.t('Letters, digits, dots, dashes and underscores, beginning with a letter or digit.') },
      });
      if (answer.kind !== 'accept') return answer.kind === 'back' ? { kind: 'back', state: draft } : { kind: 'leave' };
      return { kind: 'next', state: { ...draft, name: answer.value } };
    },
  };
  await editor.clusters.refresh();
  const draft = await runWizard<NewCluster>({}, [hostStep, typedStep, nameStep]);
  if (draft?.host === undefined || draft.name === undefined) return undefined;
  const { host, name, user, port } = draft;
  const added = await withProgress(l10n.t('Testing the connection to {0}', host), (signal, progress) => editor.core.call(clustersAdd, { name, host, ...(user === undefined ? {} : { user }), ...(port === undefined ? {} : { port }) }, { folder, signal, progress }));
  await editor.clusters.refresh();
  editor.milestones.reached('choosePlace');
  for (const note of added.notes) editor.log.info(`${name}: ${note}`);
  const open = l10n.t('Open clusters.yaml');
  const scheduler = schedulerWord(added.scheduler);
  void vscode.window.showInformationMessage(added.scratch === null ? l10n.t('{0} was added: {1}.', name, scheduler) : l10n.t('{0} was added: {1}, works in {2}.', name, scheduler, added.scratch), open).then(async (answer) => {
    if (answer === open) await vscode.window.showTextDocument(vscode.Uri.file(added.file));
  });
  return added.name;
}

export async function chosenCluster(editor: Editor, argument: unknown, title: string): Promise<string | undefined> {
  const subject = subjectOf(argument);
  if (subject?.kind === 'cluster') return subject.name;
  await editor.clusters.refresh();
  const items = editor.clusters.rows.map((row) => ({ label: row.name, description: `${schedulerWord(row.scheduler)} · ${row.target}` }));
  const answer = await pickOne({ title, placeholder: '', items });
  return answer.kind === 'accept' ? answer.value.label : undefined;
}

export async function preflightCluster(editor: Editor, argument: unknown): Promise<void> {
  const cluster = await chosenCluster(editor, argument, l10n.t('Cluster to check'));
  if (cluster === undefined) return;
  const { preflight } = await import('../../../operations/preflight.ts');
  const report = await withProgress(l10n.t('Checking {0}', cluster), (signal, progress) => editor.core.call(preflight, { cluster, force: true }, { folder: editor.clusters.folderOf(cluster), signal, progress }));
  editor.clusters.setReport(cluster, report);
  if (report.all_ok) editor.milestones.reached('choosePlace');
  await editor.clusters.refresh();
  const bad = report.checks.filter(({ ok }) => ok !== true);
  const show = l10n.t('Show clusters');
  const problem = [bad[0]?.detail ?? l10n.t('not ready'), bad[0]?.remediation ?? ''].join(' ').trim();
  const answer = report.all_ok
    ? await vscode.window.showInformationMessage(l10n.t('{0} is ready: {1, plural, one {# check} other {# checks}} passed.', cluster, report.checks.length))
    : await vscode.window.showWarningMessage(bad.length > 1 ? l10n.t('{0}: {1} (and {2} more)', cluster, problem, bad.length - 1) : l10n.t('{0}: {1}', cluster, problem), show);
  if (answer === show) await vscode.commands.executeCommand('hpcAgent.clusters.focus');
}

export async function showClusterSettings(editor: Editor, argument: unknown): Promise<void> {
  const cluster = await chosenCluster(editor, argument, l10n.t('Cluster whose settings are shown'));
  if (cluster === undefined) return;
  const { clustersDescribe } = await import('../../../operations/clusters.ts');
  const described = await editor.core.call(clustersDescribe, { cluster }, { folder: editor.clusters.folderOf(cluster) });
  const home = os.homedir();
  const short = (file: string): string => (file.startsWith(`${home}/`) ? `~${file.slice(home.length)}` : file);
  // What somebody wrote comes before what is built in.
  const values = [...described.values].sort((a, b) => Number(a.file === null) - Number(b.file === null));
  const rows = values.map((row) => [row.key, typeof row.value === 'string' ? row.value : JSON.stringify(row.value), row.file === null ? row.scope : `${short(row.file)}${row.line === null ? '' : `:${row.line}`}`]);
  await showDocument(`clusters/${cluster}.md`, `# ${escapeMarkdown(cluster)}\n\n${l10n.t('Every setting in force and where it comes from. To change one: {0}.', codeSpan(l10n.t('HPC Agent: Open clusters.yaml')))}\n\n${table([l10n.t('setting'), l10n.t('value'), l10n.t('from')], rows)}\n`, { language: 'markdown' });
}

export async function openClustersFile(editor: Editor, argument: unknown): Promise<void> {
  const subject = subjectOf(argument);
  if (subject?.kind === 'file') {
    const line = Math.max(0, (subject.line ?? 1) - 1);
    await vscode.window.showTextDocument(vscode.Uri.file(subject.file), { selection: new vscode.Range(line, 0, line, 0) });
    return;
  }
  const { clustersDescribe } = await import('../../../operations/clusters.ts');
  await editor.clusters.refresh();
  const files = new Map<string, string>();
  for (const { name } of editor.clusters.rows) {
    for (const value of (await editor.core.call(clustersDescribe, { cluster: name }, { folder: editor.clusters.folderOf(name) })).values) if (value.file !== null) files.set(value.file, value.scope);
  }
  for (const { file } of editor.clusters.problems) files.set(file, 'has a problem');
  if (files.size === 0) {
    const add = l10n.t('Add a cluster');
    if ((await vscode.window.showInformationMessage(l10n.t('There is no clusters.yaml yet: adding a cluster writes it.'), add)) === add) await addCluster(editor);
    return;
  }
  const items = [...files].map(([file, scope]) => ({ label: file, description: scope }));
  const file = items.length === 1 ? items[0] : await vscode.window.showQuickPick(items, { title: l10n.t('Open clusters.yaml') });
  if (file) await vscode.window.showTextDocument(vscode.Uri.file(file.label));
}
