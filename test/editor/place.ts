/**
 * What a suite on the window needs around it: a workspace, a home and a record of clusters and runs that are all its own, the
 * command line of the installed package, and pictures in several themes.
 *
 * Rule: everything lies in one temporary folder; the machine's own ~/.ssh and ~/.hpc-agent are never read.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { until } from './driver/wait.ts';
import { root } from './paths.ts';
import type { Workbench } from './ui.ts';

export interface Place {
  readonly workspace: string;
  readonly home: string;
  /** For the server, and so for the extension host and all that it starts. */
  readonly env: Readonly<Record<string, string>>;
  remove(): Promise<void>;
}

/** A script that can be told to wait or to fail, beside the real ones of the sample. */
export const probeScript = `"""Waits, then writes a number or fails: shows how runs end."""
import argparse
import json
import os
import sys
import time

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--seconds", type=float, default=0, help="seconds to wait")
parser.add_argument("--x", type=int, default=1, help="the number")
parser.add_argument("--fails-from", type=int, default=1000000, help="fail where x is at least this")
args = parser.parse_args()
print("waiting", args.seconds, flush=True)
time.sleep(args.seconds)
if args.x >= args.fails_from:
    raise ValueError("x is too big: %d" % args.x)
with open(os.path.join(os.environ["RESULT_DIR"], "metrics.json"), "w") as out:
    json.dump({"double": 2 * args.x}, out)
print("done")
`;

export interface PlaceOptions {
  /** `sample`: the sample workspace; `probe`: one script that waits or fails; `empty`. */
  readonly workspace: 'sample' | 'probe' | 'empty';
  readonly clusters?: Readonly<Record<string, unknown>>;
}

export async function makePlace(options: PlaceOptions): Promise<Place> {
  const base = await fs.realpath(await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-agent-place-')));
  const workspace = path.join(base, 'co2 forecast');
  const home = path.join(base, 'home');
  const state = path.join(home, '.hpc-agent');
  const programs = path.join(base, 'bin');
  for (const folder of [workspace, state, path.join(home, '.ssh'), programs]) await fs.mkdir(folder, { recursive: true });
  if (options.workspace === 'sample') await fs.cp(path.join(root, 'templates', 'sample'), workspace, { recursive: true, filter: (source) => !source.includes('__pycache__') });
  if (options.workspace === 'probe') await fs.writeFile(path.join(workspace, 'probe.py'), probeScript);
  // JSON is YAML.
  if (options.clusters) await fs.writeFile(path.join(state, 'clusters.yaml'), JSON.stringify(options.clusters, undefined, 2));
  // ssh finds its files through the password database, not through HOME.
  const ssh = path.join(programs, 'ssh');
  await fs.writeFile(path.join(home, '.ssh', 'config'), '');
  await fs.writeFile(ssh, `#!/bin/sh\nPATH=\${PATH#*:} exec ssh -F "$HOME/.ssh/config" "$@"\n`);
  await fs.chmod(ssh, 0o755);
  // The editor takes its PATH from a login shell, which may set it anew.
  await fs.writeFile(path.join(home, '.profile'), `PATH="${programs}:$PATH"\nexport PATH\n`);
  return {
    workspace,
    home,
    env: { HOME: home, HPC_AGENT_HOME: state, PATH: `${programs}:${process.env.PATH ?? ''}` },
    remove: () => fs.rm(base, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/** `hpc-agent …` of the installed package, as somebody else at the same workspace would run it; `nodeOptions` go to Node. */
export async function startCli(workbench: Workbench, place: Place, words: readonly string[], nodeOptions: readonly string[] = []): Promise<ChildProcess> {
  const extensions = path.join(workbench.server.temp, 'extensions');
  const ours = (await fs.readdir(extensions)).find((name) => name.startsWith('hpc-agent.hpc-agent-'));
  if (ours === undefined) throw new Error('The extension is not installed.');
  return spawn(process.execPath, [...nodeOptions, path.join(extensions, ours, 'dist', 'cli.js'), ...words], { cwd: place.workspace, env: { ...process.env, ...place.env }, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** For Node: the program is killed at the moment at which the record of a new run is in place, before anything of it has left this computer. */
export const killedAtRecord: readonly string[] = [
  '--import',
  `data:text/javascript,${encodeURIComponent(`
    import fs from 'node:fs/promises';
    import { syncBuiltinESMExports } from 'node:module';
    const link = fs.link;
    fs.link = async (from, to) => {
      await link(from, to);
      if (/[/]runs[/][0-9]{8}-[0-9]{6}-[0-9a-f]{8}(-[0-9]+)?[.]json$/.test(to)) process.kill(process.pid, 'SIGKILL');
    };
    syncBuiltinESMExports();
  `)}`,
];

export async function runCli(workbench: Workbench, place: Place, words: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const child = await startCli(workbench, place, words);
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await new Promise((resolve) => child.once('close', resolve));
  const line = output.split('\n').find((text) => text.startsWith('{"ok":'));
  const envelope = line === undefined ? undefined : (JSON.parse(line) as { ok: boolean; data?: Readonly<Record<string, unknown>> });
  if (envelope?.ok !== true || !envelope.data) throw new Error(`hpc-agent ${words.join(' ')} failed:\n${output}`);
  return envelope.data;
}

/** Changing the theme takes longer than most tests: only for somebody who looks at the pictures. */
const wantsAllThemes = (process.env.HPC_AGENT_PICTURES ?? '') !== '';

/**
 * A picture of the view. With HPC_AGENT_PICTURES in dark and light (not of a modal question, which takes every key), and in high contrast, too,
 * where nothing is open that a menu would close. Dark is what stays.
 */
export async function pictures(workbench: Workbench, name: string, options: { readonly highContrast?: boolean } = {}): Promise<void> {
  if (!wantsAllThemes) return void (await workbench.screenshot(`${name}-dark`));
  // A window that was reloaded may not have come back as it was.
  await workbench.toggleTheme('dark');
  await workbench.screenshot(`${name}-dark`);
  await workbench.toggleTheme('light');
  await workbench.screenshot(`${name}-light`);
  await workbench.toggleTheme('dark');
  if (options.highContrast !== true) return;
  await workbench.setTheme('hc');
  await workbench.screenshot(`${name}-hc`);
  await workbench.setTheme('dark');
}

/** Processes below the temporary folder end by themselves soon after their run: waits, so that none outlives the suite. */
export async function quiet(place: Place): Promise<void> {
  await until('the processes of the suite to end', async () => {
    const listed = await new Promise<string>((resolve) => execFile('ps', ['-eo', 'args'], { maxBuffer: 10_000_000 }, (_error, stdout) => resolve(stdout)));
    return !listed.split('\n').some((line) => line.includes(path.dirname(place.home)) && line.includes('hpc_'));
  });
}
