/**
 * Copying a workspace against `rsync -az` over a kept master connection (the fastest way rsync can go), as ratios.
 * `npx tsx test/bench/sync.ts [--rtt 0,100] [--files 2000] [--big 200] [--runs 5] [--host H --port P --user U --key FILE --known-hosts FILE]`
 * Without --host it starts its own sshd on the loopback and delays it itself; with --host it measures that server as it is.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { createSshConnection } from '../../src/connection/ssh/createSshConnection.ts';
import type { ConnectionTarget } from '../../src/connection/port.ts';
import { pushTree } from '../../src/connection/transfer/pushTree.ts';
import { silentLog } from '../../src/foundation/log.ts';
import { startSshd, startTap } from '../contract/connection/sshd.ts';

type SshTarget = Extract<ConnectionTarget, { kind: 'ssh' }>;
interface Route {
  readonly label: string;
  readonly target: SshTarget;
}

const { values } = parseArgs({
  options: {
    rtt: { type: 'string', default: '0,100' }, files: { type: 'string', default: '2000' }, big: { type: 'string', default: '200' }, runs: { type: 'string', default: '5' },
    host: { type: 'string' }, port: { type: 'string' }, user: { type: 'string' }, key: { type: 'string' }, 'known-hosts': { type: 'string' },
    'remote-base': { type: 'string' },
  },
});
// Never synchronously: the delay is made by this process.
const command = promisify(execFile);
const runs = Number(values.runs);
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'hpc-bench-'));
const base = values['remote-base'] ?? path.join(work, 'far');
const median = (times: readonly number[]): number => [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? NaN;

function makeTree(root: string, files: number): void {
  for (let i = 0; i < files; i += 1) {
    const folder = path.join(root, `pkg${i % 40}`, `sub${i % 7}`);
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, `module_${i}.py`), `# file ${i}\n${Array.from({ length: 5 + (i % 60) }, (_, line) => `value_${line} = compute(${i * line % 97}, name="item ${line}")`).join('\n')}\n`);
  }
}

interface Sizes {
  readonly cold: number;
  readonly changed: number;
  readonly unchanged: number;
}

/** One after the other in each round, so that whatever else the machine does hits all alike. */
async function measure(tree: string, touchFile: string, copies: readonly ((run: number) => Promise<void>)[]): Promise<Sizes[]> {
  const times = copies.map(() => ({ cold: [] as number[], changed: [] as number[], unchanged: [] as number[] }));
  const timed = async (kind: keyof Sizes, run: number): Promise<void> => {
    for (const [index, copy] of copies.entries()) {
      const since = performance.now();
      await copy(run);
      times[index]?.[kind].push(performance.now() - since);
    }
  };
  for (let run = 0; run < runs; run += 1) {
    await timed('cold', run);
    await timed('unchanged', run);
    await timed('unchanged', run);
    const file = path.join(tree, touchFile);
    if (fs.statSync(file).size < 1_000_000) fs.appendFileSync(file, `# change ${run}\n`);
    else fs.utimesSync(file, new Date(), new Date(1_700_000_000_000 + run * 1000));
    await timed('changed', run);
  }
  return times.map(({ cold, changed, unchanged }) => ({ cold: median(cold), changed: median(changed), unchanged: median(unchanged) }));
}

async function compare(route: Route, tree: string, touchFile: string, what: string): Promise<void> {
  const { target } = route;
  const ssh = ['-F', '/dev/null', ...(target.port ? ['-p', String(target.port)] : []), ...(target.identityFile ? ['-i', target.identityFile] : []), '-o', `UserKnownHostsFile="${target.knownHostsFile ?? ''}"`, '-o', 'BatchMode=yes', '-o', `ControlPath=${work}/m`, `${target.user ?? ''}${target.user ? '@' : ''}${target.host}`];
  const sshCommand = path.join(work, 'ssh.sh');
  fs.writeFileSync(sshCommand, `#!/bin/sh\nwhile [ "$1" = -l ]; do shift 2; done\nshift\nexec ssh ${ssh.map((word) => `'${word}'`).join(' ')} "$@"\n`, { mode: 0o755 });
  // stdio must not be inherited by the master, or the wait for its output never ends.
  await command('sh', ['-c', 'exec ssh -M -N -f "$@" </dev/null >/dev/null 2>&1', 'ssh', ...ssh]);
  const connection = createSshConnection(target, { prompts: { secret: () => Promise.resolve(undefined), trustHostKey: () => Promise.resolve('refuse') }, log: silentLog });
  try {
    await connection.environment();
    const far = (name: string): string => path.posix.join(base, `${path.basename(work)}-${what.replaceAll(/\W/g, '')}-${route.label.replaceAll(/\W/g, '')}`, name);
    const fresh = async (name: string): Promise<void> => void (await connection.run({ argv: ['mkdir', '-p', name] }));
    for (let run = 0; run < runs; run += 1) await fresh(path.posix.dirname(far(`r${run}/x`)));
    const [rsync, ours] = await measure(tree, touchFile, [
      async (run) => void (await command('rsync', ['-az', '-e', sshCommand, `${tree}/`, `far:${far(`r${run}`)}/`])),
      async (run) => {
        await pushTree(connection, {
          localRoot: tree, remoteRoot: far(`o${run}`), runtimeDir: path.resolve('templates/runtime'), cacheDir: path.join(work, `cache-${what.replaceAll(/\W/g, '')}`),
          mode: 'additive', owner: { workspaceId: 'bench', user: os.userInfo().username, host: os.hostname() },
        });
      },
    ]);
    if (!rsync || !ours) return;
    for (const kind of ['cold', 'changed', 'unchanged'] as const) {
      console.log(`${route.label.padEnd(12)} ${what.padEnd(18)} ${kind.padEnd(10)} rsync -az ${rsync[kind].toFixed(0).padStart(6)} ms   ours ${ours[kind].toFixed(0).padStart(6)} ms   ratio ${(ours[kind] / rsync[kind]).toFixed(2)}`);
    }
    await connection.exec({ argv: ['rm', '-rf', '--', path.posix.dirname(far('x'))] });
  } finally {
    connection.dispose();
    await command('ssh', ['-O', 'exit', ...ssh]);
  }
}

async function main(): Promise<void> {
  const trees = { small: path.join(work, 'small'), big: path.join(work, 'big') };
  makeTree(trees.small, Number(values.files));
  fs.mkdirSync(trees.big);
  const bigFile = fs.openSync(path.join(trees.big, 'data.bin'), 'w');
  for (let i = 0; i < Number(values.big); i += 1) fs.writeSync(bigFile, randomBytes(1_048_576));
  fs.closeSync(bigFile);
  const suites = async (route: Route): Promise<void> => {
    await compare(route, trees.small, 'pkg0/sub0/module_0.py', `${values.files} small files`);
    if (Number(values.big) > 0) await compare(route, trees.big, 'data.bin', `one of ${values.big} MB`);
  };
  if (values.host !== undefined) {
    const target: SshTarget = {
      kind: 'ssh', host: values.host, ...(values.port ? { port: Number(values.port) } : {}), ...(values.user ? { user: values.user } : {}),
      ...(values.key ? { identityFile: values.key } : {}), ...(values['known-hosts'] ? { knownHostsFile: values['known-hosts'] } : {}),
    };
    await suites({ label: values.host, target });
    return;
  }
  const sshd = await startSshd();
  try {
    for (const rtt of values.rtt.split(',').map(Number)) {
      if (rtt === 0) {
        await suites({ label: 'loopback', target: sshd.target });
        continue;
      }
      const tap = await startTap(sshd.port);
      tap.delayMs = rtt / 2;
      const key = fs.readFileSync(sshd.knownHostsFile, 'utf8').split('\n')[0]?.replace(/^\S+/, `[127.0.0.1]:${tap.port}`) ?? '';
      const knownHostsFile = path.join(work, `known-${tap.port}`);
      fs.writeFileSync(knownHostsFile, `${key}\n`);
      try {
        await suites({ label: `${rtt} ms RTT`, target: { ...sshd.target, port: tap.port, knownHostsFile } });
      } finally {
        await tap.stop();
      }
    }
  } finally {
    await sshd.stop();
  }
}

try {
  await main();
} finally {
  fs.rmSync(work, { recursive: true, force: true });
}
