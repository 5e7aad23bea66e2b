/** Adding clusters in the window: an unknown host key, a host that is not there, a host with a port by hand, a mistake in clusters.yaml. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { startSandbox } from '../../sandbox/sandbox.ts';
import { pictures, type Place } from '../place.ts';
import type { Workbench } from '../ui.ts';
import { useWindow } from '../useWindow.ts';

describe('Adding clusters (ui)', function () {
  this.timeout(5 * 60_000);
  let place: Place;
  let workbench: Workbench;
  let port: number;
  const knownHosts = (): Promise<string> => fs.readFile(path.join(place.home, '.ssh', 'known_hosts'), 'utf8').catch(() => '');
  const clustersFile = (): string => path.join(place.home, '.hpc-agent', 'clusters.yaml');

  useWindow(
    async () => {
      const { ssh } = await startSandbox();
      ({ port } = ssh);
      const prepare = async ({ home }: Place): Promise<void> => {
        const key = path.join(home, '.ssh', 'id_ed25519');
        await fs.copyFile(ssh.identityFile, key);
        await fs.chmod(key, 0o600);
        await fs.writeFile(path.join(home, '.ssh', 'config'), `Host campus\n  HostName 127.0.0.1\n  Port ${port}\n  User alice\n\nHost gone\n  HostName 127.0.0.1\n  Port 1\n  User alice\n\nHost *\n  IdentitiesOnly yes\n  IdentityFile ${key}\n  UserKnownHostsFile ${path.join(home, '.ssh', 'known_hosts')}\n`);
      };
      return { workspace: 'probe', prepare };
    },
    async (window) => {
      ({ place, workbench } = window);
      await workbench.activityBar.open('HPC Agent');
      await workbench.tree('Clusters').row('this-computer');
    },
  );

  it('offers the hosts of ~/.ssh/config, and tells why one cannot be reached and what to do', async () => {
    const { quickPick, inputBox } = workbench;
    await workbench.tree('Clusters').titleAction('Add cluster…');
    await quickPick.step('Hosts of ~/.ssh/config');
    assert.deepEqual((await quickPick.values()).map(({ label, description }) => [label.trim(), description]), [
      ['campus', 'alice@127.0.0.1'],
      ['gone', 'alice@127.0.0.1'],
      ['Another host…', 'user@login.example.org'],
    ]);
    await pictures(workbench, 'clusters-1-hosts');
    await quickPick.accept(/gone/);
    await inputBox.step(/Name of the cluster/);
    await inputBox.back();
    await quickPick.step('Hosts of ~/.ssh/config');
    await quickPick.accept(/gone/);
    await inputBox.step(/Name of the cluster/);
    await inputBox.accept();
    const { message, severity, buttons } = await workbench.notifications.waitFor(/refuses connections/);
    assert.equal(severity, 'error');
    assert.match(message, /^gone: 127\.0\.0\.1:1 refuses connections\. Check the port/);
    assert.ok(buttons.includes('Retry') && buttons.includes('Show output'), buttons.join());
    await pictures(workbench, 'clusters-2-unreachable');
    await workbench.notifications.clear();
    assert.equal(await fs.readFile(clustersFile(), 'utf8').catch(() => ''), '', 'nothing is written before the connection works');
  });

  it('asks about an unknown host key with its fingerprint; a refusal adds nothing', async () => {
    const { quickPick, inputBox } = workbench;
    await workbench.tree('Clusters').titleAction('Add cluster…');
    await quickPick.step('Hosts of ~/.ssh/config');
    await quickPick.accept(/campus/);
    await inputBox.step(/Name of the cluster/);
    await inputBox.accept();
    assert.match(await workbench.dialog.text(), /not known yet.*SHA256:[A-Za-z0-9+/]{43}/s);
    await workbench.screenshot('clusters-3-host-key-dark');
    await workbench.dialog.press('Cancel');
    const { message } = await workbench.notifications.waitFor(/key/);
    assert.match(message, /trust/i);
    await pictures(workbench, 'clusters-4-refused');
    await workbench.notifications.clear();
    assert.equal(await knownHosts(), '');
  });

  it('adds it once the key is trusted, with what was found there', async () => {
    const { quickPick, inputBox } = workbench;
    await workbench.tree('Clusters').titleAction('Add cluster…');
    await quickPick.step('Hosts of ~/.ssh/config');
    await quickPick.accept(/campus/);
    await inputBox.step(/Name of the cluster/);
    await inputBox.accept();
    await workbench.dialog.text();
    await workbench.dialog.press('Trust');
    await workbench.notifications.waitFor(/campus was added: Slurm/);
    await pictures(workbench, 'clusters-5-added');
    await workbench.notifications.clear();
    assert.match(await knownHosts(), /^\[127\.0\.0\.1\]:\d+ ssh-ed25519 |^\|1\|/m);
    await workbench.tree('Clusters').rowDescribed('campus', /Slurm · connected/);
  });

  it('checks it and shows every check', async () => {
    const clusters = workbench.tree('Clusters');
    await clusters.action('campus', 'Preflight cluster');
    await workbench.notifications.waitFor(/campus is ready: \d+ checks passed/);
    await workbench.notifications.clear();
    await clusters.expand('campus');
    await pictures(workbench, 'clusters-6-checks', { highContrast: true });
    await clusters.collapse('campus');
  });

  it('adds a host with a user and a port typed by hand', async () => {
    const { quickPick, inputBox } = workbench;
    await workbench.runCommand('HPC Agent: Add cluster…');
    await quickPick.step('Hosts of ~/.ssh/config');
    await quickPick.accept(/Another host/);
    await inputBox.step(/Login host/);
    await inputBox.type('alice at host');
    await inputBox.accept();
    await inputBox.step(/Write a host name/);
    await pictures(workbench, 'clusters-7-by-hand');
    await inputBox.type(`alice@127.0.0.1:${port}`);
    await inputBox.accept();
    await inputBox.step(/Name of the cluster/);
    await inputBox.type('campus');
    await inputBox.accept();
    await inputBox.step(/There is a cluster campus already/);
    await inputBox.type('by-hand');
    await inputBox.accept();
    await workbench.notifications.waitFor(/by-hand was added: Slurm/);
    await workbench.notifications.clear();
    assert.match(await fs.readFile(clustersFile(), 'utf8'), new RegExp(`port: ${port}`));
  });

  it('shows where each setting comes from', async () => {
    await workbench.tree('Clusters').contextAction('by-hand', 'Show cluster settings');
    await workbench.editor.shows(/scheduler\s*\|\s*slurm/);
    await pictures(workbench, 'clusters-8-settings');
  });

  it('shows a mistake in clusters.yaml with its line, and opens it there', async () => {
    await fs.appendFile(clustersFile(), '\nbroken:\n  scheduler: slurmm\n  host: campus\n');
    await workbench.tree('Clusters').titleAction('Refresh clusters');
    const row = await workbench.tree('Clusters').row(/^clusters\.yaml:\d+$/);
    assert.match(row.description, /slurmm|scheduler/);
    await pictures(workbench, 'clusters-9-mistake');
    await workbench.tree('Clusters').click(/^clusters\.yaml:/);
    await workbench.editor.waitFor('clusters.yaml');
    await workbench.editor.shows(/slurmm/);
  });
});
