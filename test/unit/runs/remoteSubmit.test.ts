/** `submit` of hpc_remote.py, really run, with a submit command of ours that counts: whatever dies, wherever, each job is there once. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { inflateSync } from 'node:zlib';
import { unknownPattern } from '../../../src/cluster/submitProtocol.ts';

const runtime = path.resolve(import.meta.dirname, '../../../templates/runtime');

/** Accepts a job: writes its name to the ledger, then prints an id. What it does otherwise is said by its mode. */
const sbatch = `#!/bin/sh
ledger=$1 mode=$2 name=$3
case $mode in
  refuse) echo "sbatch: error: Batch job submission failed: Invalid account" >&2; exit 1 ;;
  throttle) echo "sbatch: error: QOSMaxSubmitJobPerUserLimit" >&2; exit 1 ;;
  unreachable) echo "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)" >&2; exit 1 ;;
esac
echo "$name $4" >>"$ledger"
case $mode in
  silent) exit 0 ;;
  mute) exit 1 ;;
  unprinted) echo "/usr/local/bin/sbatch: line 7: echo: write error: No space left on device" >&2; exit 1 ;;
  timeout) echo "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation" >&2; exit 1 ;;
  slow) sleep 1 ;;
esac
echo "Welcome to the cluster, hours left: 50000"; echo "warning: something" >&2
wc -l <"$ledger" | tr -d ' '
case $mode in
  chatty) echo "hours left:"; echo 50000 ;;
  'chatty and cross') echo 50000; exit 3 ;;
esac
`;

interface Reply {
  readonly ok: boolean;
  readonly error?: string;
  readonly busy?: boolean;
  readonly foreign?: string;
  readonly receipts: Readonly<Record<string, { state: string; job_id?: string; at?: number; err?: string }>>;
  readonly stopped?: { kind: string; key: string } | null;
}

class Bed {
  readonly directory = fs.mkdtempSync(path.join(os.tmpdir(), 'hpc-submit-'));
  readonly state = path.join(this.directory, 'state with spaces');
  readonly ledger = path.join(this.directory, 'ledger');

  constructor() {
    fs.mkdirSync(this.state);
    fs.writeFileSync(this.ledger, '');
    fs.writeFileSync(path.join(this.directory, 'sbatch'), sbatch, { mode: 0o755 });
  }

  request(modes: Readonly<Record<string, string>>, more: Readonly<Record<string, unknown>> = {}): string {
    const step = (key: string, after: readonly string[] = []): unknown => ({
      key,
      after,
      argv: [path.join(this.directory, 'sbatch'), this.ledger, modes[key] ?? 'accept', key, ...after.map((other) => `after:{job:${other}}`)],
      job_id_pattern: '^([0-9]+)$',
      throttled_patterns: ['QOSMaxSubmitJob'],
      unset: [],
      env: {},
      timeout: 20,
    });
    return JSON.stringify({ v: 1, verb: 'submit', state_dir: this.state, token: 't0ken', unknown_pattern: unknownPattern, lock_wait: 10, arrays: [step('w0a0'), step('w0a1'), step('w0c', ['w0a0', 'w0a1'])], ...more });
  }

  submit(modes: Readonly<Record<string, string>> = {}, more: Readonly<Record<string, unknown>> = {}): Reply {
    const result = spawnSync('python3', ['-S', '-E', path.join(runtime, 'hpc_remote.py')], { input: this.request(modes, more), encoding: 'utf8', env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' } });
    return Bed.reply(result.stdout, result.stderr);
  }

  static reply(stdout: string, stderr: string): Reply {
    const line = stdout.split('\n').find((candidate) => candidate.startsWith('HPC1 '));
    assert.ok(line, `no reply: ${stdout} ${stderr}`);
    return JSON.parse(inflateSync(Buffer.from(line.slice(5), 'base64')).toString('utf8')) as Reply;
  }

  /** Runs the program so that it is killed at the nth of the named calls, before or after it. True if it got that far. */
  submitKilledAt(call: string, nth: number, when: 'before' | 'after'): boolean {
    const program = `
import os, signal, sys
sys.dont_write_bytecode = True
sys.path.insert(0, ${JSON.stringify(runtime)})
import hpc_remote, subprocess
seen = [0]
def die():
    os.kill(os.getpid(), signal.SIGKILL)
def wrap(module, name):
    inner = getattr(module, name)
    def call(*a, **k):
        seen[0] += 1
        mine = seen[0]
        if mine == ${nth} and ${when === 'before' ? 'True' : 'False'}:
            die()
        value = inner(*a, **k)
        if mine == ${nth}:
            die()
        return value
    setattr(module, name, call)
wrap(*{"write_atomic": (hpc_remote, "write_atomic"), "rename": (os, "rename"), "Popen": (subprocess, "Popen"), "command": (hpc_remote, "run_submit_command")}[${JSON.stringify(call)}])
hpc_remote.main()
`;
    const result = spawnSync('python3', ['-S', '-E', '-c', program], { input: this.request({}), encoding: 'utf8' });
    return result.signal === 'SIGKILL';
  }

  accepted(): readonly string[] {
    return fs.readFileSync(this.ledger, 'utf8').split('\n').filter((line) => line !== '').map((line) => line.split(' ')[0] ?? '');
  }

  /** What the client does with an unknown receipt: it looks the job up by its name, here in the ledger. */
  settle(reply: Reply): Record<string, unknown> {
    return Object.fromEntries(
      Object.entries(reply.receipts).flatMap(([key, receipt]) => {
        if (receipt.state !== 'submitting') return [];
        const at = this.accepted().indexOf(key);
        return [[key, at < 0 ? { absent: true, at: receipt.at, evidence: 'absent' } : { job_id: String(at + 1), at: receipt.at, evidence: 'found' }]];
      }),
    );
  }

  /** Submits until nothing is left to do; the client's loop in short. */
  converge(): Reply {
    let reply = this.submit();
    for (let turn = 0; turn < 5 && reply.stopped; turn += 1) reply = this.submit({}, { resolved: this.settle(reply) });
    return reply;
  }

  dispose(): void {
    fs.rmSync(this.directory, { recursive: true, force: true });
  }
}

describe('exactly-once submission, the remote half (unit)', () => {
  let bed: Bed;
  beforeEach(() => {
    bed = new Bed();
  });
  afterEach(() => bed.dispose());

  it('submits in order, hands ids on as dependencies, and does nothing the second time', () => {
    const reply = bed.submit();
    assert.equal(reply.stopped, null);
    assert.deepEqual(Object.entries(reply.receipts).map(([key, { state, job_id }]) => [key, state, job_id]).sort(), [['w0a0', 'submitted', '1'], ['w0a1', 'submitted', '2'], ['w0c', 'submitted', '3']]);
    assert.match(fs.readFileSync(bed.ledger, 'utf8'), /^w0c after:1$/m);
    assert.equal(bed.submit().stopped, null);
    assert.deepEqual(bed.accepted(), ['w0a0', 'w0a1', 'w0c']);
  });

  for (const [call, calls] of [['write_atomic', 6], ['rename', 6], ['Popen', 3], ['command', 3]] as const) {
    for (const when of ['before', 'after'] as const) {
      it(`killed ${when} each ${call}: every job is there once after the restart`, () => {
        let kills = 0;
        for (let nth = 1; nth <= calls + 1; nth += 1) {
          bed.dispose();
          bed = new Bed();
          if (bed.submitKilledAt(call, nth, when)) kills += 1;
          else assert.equal(nth, calls + 1, `call ${nth} was not reached`);
          const reply = bed.converge();
          assert.equal(reply.stopped, null);
          assert.deepEqual([...bed.accepted()].sort(), ['w0a0', 'w0a1', 'w0c'], `${call} ${nth} ${when}`);
          for (const key of ['w0a0', 'w0a1', 'w0c']) assert.equal(reply.receipts[key]?.job_id, String(bed.accepted().indexOf(key) + 1));
        }
        assert.equal(kills, calls);
      });
    }
  }

  it('never repeats what may have been accepted: a timed-out reply, a silent end, an answer that a full disk did not take and an id that may be another number stay unknown', () => {
    for (const mode of ['timeout', 'silent', 'mute', 'unprinted', 'unreachable', 'chatty', 'chatty and cross']) {
      bed.dispose();
      bed = new Bed();
      const first = bed.submit({ w0a0: mode });
      assert.deepEqual(first.stopped, { kind: 'unknown', key: 'w0a0' });
      const again = bed.submit();
      assert.deepEqual(again.stopped, { kind: 'unknown', key: 'w0a0' });
      assert.equal(bed.accepted().filter((name) => name === 'w0a0').length, mode === 'unreachable' ? 0 : 1);
      bed.converge();
      assert.deepEqual([...bed.accepted()].sort(), ['w0a0', 'w0a1', 'w0c']);
    }
  });

  it('a refusal and a limit are known answers: what stands stays, the rest goes on later', () => {
    const refused = bed.submit({ w0a1: 'refuse' });
    assert.deepEqual(refused.stopped, { kind: 'refused', key: 'w0a1' });
    assert.match(refused.receipts.w0a1?.err ?? '', /Invalid account/);
    const throttled = bed.submit({ w0a1: 'throttle' });
    assert.deepEqual(throttled.stopped, { kind: 'throttled', key: 'w0a1' });
    assert.equal(bed.submit().stopped, null);
    assert.deepEqual(bed.accepted(), ['w0a0', 'w0a1', 'w0c']);
  });

  it('"absent" settles only the attempt that was looked up', () => {
    const first = bed.submit({ w0a0: 'timeout' });
    const stale = { w0a0: { absent: true, at: (first.receipts.w0a0?.at ?? 0) - 1, evidence: 'an older look' } };
    assert.deepEqual(bed.submit({}, { resolved: stale }).stopped, { kind: 'unknown', key: 'w0a0' });
    assert.deepEqual(bed.accepted(), ['w0a0']);
  });

  it('while a submit command is still at work nobody else submits, although its starter was killed', async () => {
    const child = spawn('python3', ['-S', '-E', path.join(runtime, 'hpc_remote.py')], { stdio: ['pipe', 'ignore', 'ignore'] });
    child.stdin.end(bed.request({ w0a0: 'slow' }));
    while (bed.accepted().length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill('SIGKILL');
    assert.equal(bed.submit({}, { lock_wait: 0 }).busy, true);
    const reply = bed.submit();
    assert.deepEqual(reply.stopped, { kind: 'unknown', key: 'w0a0' });
    bed.converge();
    assert.deepEqual([...bed.accepted()].sort(), ['w0a0', 'w0a1', 'w0c']);
  });

  it('two submitters at once submit once', async () => {
    const replies = await Promise.all(
      [1, 2, 3, 4].map(
        () =>
          new Promise<Reply>((resolve) => {
            const child = spawn('python3', ['-S', '-E', path.join(runtime, 'hpc_remote.py')], { stdio: ['pipe', 'pipe', 'inherit'] });
            let out = '';
            child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
            child.on('close', () => resolve(Bed.reply(out, '')));
            child.stdin.end(bed.request({}));
          }),
      ),
    );
    assert.ok(replies.every((reply) => reply.stopped === null));
    assert.deepEqual(bed.accepted(), ['w0a0', 'w0a1', 'w0c']);
  });

  it('refuses a folder that belongs to another submission of the same run id', () => {
    bed.submit();
    assert.ok(bed.submit({}, { token: 'other' }).foreign);
    assert.deepEqual(bed.accepted(), ['w0a0', 'w0a1', 'w0c']);
  });

  it('a full disk before the receipt: nothing is submitted, and the answer says so', () => {
    if (process.getuid?.() !== 0) throw new Error('This test mounts a small file system and needs root.');
    const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', bed.state]);
    assert.equal(mount.status, 0, mount.stderr.toString());
    try {
      fs.mkdirSync(path.join(bed.state, 'receipts'));
      for (const name of ['events', 'logs', 'claims']) fs.mkdirSync(path.join(bed.state, name));
      fs.writeFileSync(path.join(bed.state, 'token'), 't0ken');
      fs.writeFileSync(path.join(bed.state, 'lock'), '');
      const chunk = Buffer.alloc(4096);
      const filler = fs.openSync(path.join(bed.state, 'filler'), 'w');
      try {
        for (;;) fs.writeSync(filler, chunk);
      } catch {
        // full
      }
      fs.closeSync(filler);
      const reply = bed.submit();
      assert.equal(reply.ok, false);
      assert.match(reply.error ?? '', /No space left/);
      assert.deepEqual(bed.accepted(), []);
      fs.rmSync(path.join(bed.state, 'filler'));
      bed.converge();
      assert.deepEqual([...bed.accepted()].sort(), ['w0a0', 'w0a1', 'w0c']);
    } finally {
      spawnSync('umount', [bed.state]);
    }
  });
});
