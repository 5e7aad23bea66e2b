/** `hpc_hold.py`, really run on this computer: who gets in, what runs once, what renews, and what a kill leaves. */
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import { commandOnWire } from '../../../src/cluster/session.ts';
import { unknownPattern } from '../../../src/cluster/submitProtocol.ts';
import { slurmDialect } from '../../../src/scheduler/slurm/dialect.ts';
import { python } from './place.ts';

const runtime = path.resolve(import.meta.dirname, '../../../templates/runtime');
type Event = Readonly<Record<string, unknown>> & { readonly e: string; readonly id?: string };

async function eventually<T>(what: string, look: () => T | undefined): Promise<T> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const value = look();
    if (value !== undefined) return value;
    if (performance.now() > deadline) throw new Error(`not within 20 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

class Bed {
  readonly directory = fs.mkdtempSync(path.join(os.tmpdir(), 'hpc-hold-'));
  readonly state = path.join(this.directory, 'state with spaces');
  readonly ledger = path.join(this.directory, 'ledger');
  private readonly children: ChildProcessWithoutNullStreams[] = [];

  constructor(spec: Readonly<Record<string, unknown>> = {}) {
    fs.writeFileSync(this.ledger, '');
    // Takes a job: its name goes to the ledger, its id is the line's number.
    fs.writeFileSync(path.join(this.directory, 'sbatch'), `#!/bin/sh\n[ ! -e "${this.directory}/refuse" ] || { echo 'sbatch: command failed' >&2; exit 1; }\necho "$1" >>"${this.ledger}"\nwc -l <"${this.ledger}" | tr -d ' '\n`, { mode: 0o755 });
    this.ask('prepare', {
      directory: this.state,
      script: '#!/bin/sh\n',
      spec: {
        name: 'pool', token: 't0ken', persistent: false, renew_before_s: 5, release_after_idle_s: null, walltime_s: 600, tmux_server: null, env: { PATH: process.env.PATH }, unknown_pattern: 'timed out', time_left: null,
        submit: { argv: [path.join(this.directory, 'sbatch'), 'pool-hNEXT-t0ken'], stdin: '', unset: [], env: {}, timeout: 20, job_id_pattern: '^([0-9]+)$', throttled_patterns: [] },
        ...spec,
      },
    });
    fs.writeFileSync(path.join(this.state, 'token'), 't0ken');
    fs.mkdirSync(path.join(this.state, 'receipts'), { recursive: true });
  }

  /** A scheduler that can be away (`away`), lose its answer (`lose`), and tells of what is in the ledger; with no time between a look and the next. */
  static withQueue(spec: Readonly<Record<string, unknown>> = {}): Bed {
    const bed = new Bed();
    const at = (name: string): string => path.join(bed.directory, name);
    const away = (tool: string): string => `if [ -e '${at('away')}' ]; then echo x >>'${at('asked')}'; echo '${tool}: error: Unable to contact slurm controller (connect failure)' >&2; exit 1; fi\n`;
    const lost = `echo 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' >&2; touch '${at('away')}'; exit 1`;
    const take = `echo "$1" >>'${bed.ledger}'`;
    fs.writeFileSync(at('sbatch'), `#!/bin/sh\n${away('sbatch')}case $(cat '${at('lose')}' 2>/dev/null) in after) ${take}; rm '${at('lose')}'; ${lost} ;; before) rm '${at('lose')}'; ${lost} ;; esac\n${take}\nwc -l <'${bed.ledger}' | tr -d ' '\n`);
    fs.writeFileSync(at('squeue'), `#!/bin/sh\n${away('squeue')}n=0; while read -r name; do n=$((n + 1)); [ -e '${at('forgets')}' ] || printf 'HPCQ|%s|PENDING|Priority||%s|HPCE\\n' $n "$name"; done <'${bed.ledger}'\n`, { mode: 0o755 });
    fs.writeFileSync(at('sacct'), `#!/bin/sh\n${away('sacct')}[ ! -e '${at('no accounting')}' ] || { cat '${at('no accounting')}' >&2; exit 1; }\nn=0; while read -r name; do n=$((n + 1)); printf '%s\\037PENDING\\0370:0\\0370\\037\\037None assigned\\037p\\037\\037%s\\037%s\\n' $n "$name" $n; done <'${bed.ledger}'\n`, { mode: 0o755 });
    const find = slurmDialect.findByName('pool-hNEXT-t0ken', new Date(), { tools: { squeue: at('squeue'), sacct: at('sacct') }, python, user: 'me', runtimeDirectory: runtime });
    const file = path.join(bed.state, 'hold.json');
    const hold = JSON.parse(fs.readFileSync(file, 'utf8')) as Readonly<Record<string, unknown>>;
    fs.writeFileSync(file, JSON.stringify({ ...hold, unknown_pattern: unknownPattern, persistent: true, ...spec, find: find.map(({ command, patterns }) => ({ ...commandOnWire(command), job_id_pattern: patterns?.jobId, whole_pattern: patterns?.whole, no_source_pattern: patterns?.noSource })) }));
    const program = path.join(bed.state, 'hpc_renewal.py');
    fs.writeFileSync(program, fs.readFileSync(program, 'utf8').replace(/^(SETTLE|TWICE)_S = .*$/gm, '$1_S = 0.01'));
    return bed;
  }

  /** The program's own turn at the successor, once. */
  renew(): Readonly<Record<string, unknown>> {
    return this.ask('renewal', { directory: this.state, hop: 1 }, this.state).outcome as Readonly<Record<string, unknown>>;
  }

  put(name: string, text = ''): void {
    fs.writeFileSync(path.join(this.directory, name), text);
  }

  remove(name: string): void {
    fs.rmSync(path.join(this.directory, name));
  }

  ask(verb: string, request: unknown, programs = runtime): Readonly<Record<string, unknown>> {
    const { stdout, stderr } = spawnSync(python, ['-S', '-E', '-B', path.join(programs, 'hpc_hold.py'), verb], { input: JSON.stringify(request), encoding: 'utf8' });
    assert.ok(stdout.startsWith('HOLD1 '), stderr);
    return JSON.parse(stdout.slice(6)) as Readonly<Record<string, unknown>>;
  }

  hold(jobId: string, hop = 0): { readonly child: ChildProcessWithoutNullStreams; readonly ended: Promise<number | null> } {
    const child = spawn(python, ['-S', '-E', '-B', path.join(this.state, 'hpc_hold.py'), 'hold', this.state], { env: { ...process.env, SLURM_JOB_ID: undefined, HPC_HOLD_JOB_ID: jobId, HPC_HOLD_JOB_NAME: `pool-h${hop}-t0ken` } });
    this.children.push(child);
    return { child, ended: once(child, 'close').then(([code]) => code as number | null) };
  }

  read(name: string): Readonly<Record<string, unknown>> | undefined {
    try {
      return JSON.parse(fs.readFileSync(path.join(this.state, name), 'utf8')) as Readonly<Record<string, unknown>>;
    } catch {
      return undefined;
    }
  }

  async held(jobId: string): Promise<number> {
    return eventually(`job ${jobId} holds`, () => (this.read('current.json')?.job_id === jobId ? (this.read('current.json')?.port as number) : undefined));
  }

  enter(): Entered {
    const child = spawn(python, ['-S', '-E', '-B', path.join(this.state, 'hpc_hold.py'), 'enter', this.state]);
    this.children.push(child);
    return new Entered(child);
  }

  taken(): readonly string[] {
    return fs.readFileSync(this.ledger, 'utf8').split('\n').filter((line) => line !== '');
  }

  async dispose(): Promise<void> {
    await Promise.all(
      this.children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const closed = once(child, 'close');
        child.kill('SIGTERM');
        await closed;
      }),
    );
    // A submission of the successor may still write its last word.
    fs.rmSync(this.directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}

class Entered {
  readonly events: Event[] = [];
  private rest = '';
  readonly closed: Promise<unknown>;
  readonly child: ChildProcessWithoutNullStreams;
  constructor(child: ChildProcessWithoutNullStreams) {
    this.child = child;
    this.closed = once(child, 'close');
    child.stdout.on('data', (chunk: Buffer) => {
      const lines = (this.rest + chunk.toString()).split('\n');
      this.rest = lines.pop() ?? '';
      for (const line of lines) this.events.push(JSON.parse(line) as Event);
    });
  }
  send(request: unknown): void {
    this.child.stdin.write(`${JSON.stringify(request)}\n`);
  }
  event(e: string, id?: string): Promise<Event> {
    return eventually(`${e} ${id ?? ''}; there are ${JSON.stringify(this.events).slice(0, 500)}`, () => this.events.find((event) => event.e === e && (id === undefined || event.id === id)));
  }
  output(id: string, stream: 'out' | 'err' = 'out'): string {
    return Buffer.concat(this.events.filter((event) => event.e === stream && event.id === id).map(({ d }) => Buffer.from(String(d), 'base64'))).toString();
  }
}

describe('the program of a held node (unit)', function () {
  this.timeout(60_000);
  let bed: Bed;
  afterEach(() => bed.dispose());

  it('one id runs once, however often and over however many ways it is sent; what came late does not run', async () => {
    bed = new Bed();
    bed.hold('11');
    await bed.held('11');
    const [first, second] = [bed.enter(), bed.enter()];
    const file = path.join(bed.directory, 'ran');
    const request = { op: 'exec', id: 'command-1', script: `echo x >>'${file}'; sleep 0.3; echo out` };
    for (const way of [first, second, first]) way.send(request);
    await Promise.all([first.event('end', 'command-1'), second.event('end', 'command-1')]);
    assert.equal(second.output('command-1'), 'out\n');
    assert.equal(fs.readFileSync(file, 'utf8'), 'x\n');
    first.send({ op: 'attach', id: 'never-came' });
    await first.event('absent', 'never-came');
    second.send({ op: 'exec', id: 'never-came', script: `echo y >>'${file}'` });
    await second.event('refused', 'never-came');
    assert.equal(fs.readFileSync(file, 'utf8'), 'x\n');
  });

  it('who goes away leaves the command running; its output is there for who asks by its id; SIGTERM on the way in ends it', async () => {
    bed = new Bed();
    bed.hold('11');
    await bed.held('11');
    const first = bed.enter();
    first.send({ op: 'exec', id: 'command-1', script: 'echo early; sleep 0.5; echo late; exit 4' });
    await first.event('begun');
    first.child.kill('SIGKILL');
    const second = bed.enter();
    second.send({ op: 'attach', id: 'command-1' });
    assert.equal((await second.event('end', 'command-1')).rc, 4);
    assert.equal(second.output('command-1'), 'early\nlate\n');
    second.send({ op: 'exec', id: 'command-2', script: 'sleep 1000 & sleep 1000' });
    await second.event('begun', 'command-2');
    second.child.kill('SIGTERM');
    const third = bed.enter();
    third.send({ op: 'attach', id: 'command-2' });
    const end = await third.event('end', 'command-2');
    assert.deepEqual([end.rc, end.signal, end.why], [null, 15, 'cancelled']);
  });

  it('lets nobody in who does not know the key, and believes no server that does not', async () => {
    bed = new Bed();
    bed.hold('11');
    const port = await bed.held('11');
    const talk = async (answer: (nonce: string) => string): Promise<string> => {
      const socket = net.connect(port, '127.0.0.1');
      let text = '';
      let answered = false;
      socket.on('error', () => undefined);
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        if (!answered && text.includes('\n')) {
          answered = true;
          socket.write(answer(text.trim()));
        }
      });
      await once(socket, 'close');
      return text;
    };
    // Only the server's own first line ever comes.
    assert.match(await talk(() => `${'a'.repeat(32)} ${'b'.repeat(64)}\n`), /^[0-9a-f]{32}\n$/);
    assert.match(await talk((nonce) => `${nonce} ${'0'.repeat(64)}\n{"op":"exec","id":"command-9","script":"true"}\n`), /^[0-9a-f]{32}\n$/);
    // A thief of the port, who knows no key.
    const thief = net.createServer((socket) => {
      socket.on('error', () => undefined);
      socket.write(`${'a'.repeat(32)}\n`);
      socket.once('data', () => socket.end(`${'c'.repeat(64)}\n`));
    });
    thief.listen(0);
    await once(thief, 'listening');
    const current = bed.read('current.json');
    fs.writeFileSync(path.join(bed.state, 'current.json'), JSON.stringify({ ...current, port: (thief.address() as net.AddressInfo).port, node: '127.0.0.1' }));
    fs.writeFileSync(path.join(bed.state, 'jobs', '11.json'), JSON.stringify({ ...bed.read('jobs/11.json'), state: 'up' }));
    const fooled = bed.enter();
    assert.match(String((await fooled.event('closed')).why), /does not know the key/);
    thief.close();
    assert.equal(fs.statSync(path.join(bed.state, 'key')).mode & 0o077, 0);
  });

  it('a second copy of the same hop, and a job of a released reservation, end at once', async () => {
    bed = new Bed();
    bed.hold('11');
    await bed.held('11');
    assert.equal(await bed.hold('12').ended, 75);
    bed.ask('release', { directory: bed.state });
    assert.equal(await bed.hold('13', 1).ended, 0);
    assert.equal(bed.read('jobs/13.json'), undefined, 'it held nothing, not for a moment');
    await eventually('the first ends too', () => (bed.read('jobs/11.json')?.reason === 'released' ? true : undefined));
  });

  it('renews early and once; hands over when it is idle; an end by walltime is an orderly one', async () => {
    bed = new Bed({ persistent: true, walltime_s: 40, renew_before_s: 38 });
    const first = bed.hold('11');
    await bed.held('11');
    const way = bed.enter();
    await way.event('hello');
    way.send({ op: 'exec', id: 'command-1', script: 'while [ ! -e go ]; do sleep 0.05; done; echo through', cwd: bed.directory });
    await eventually('the successor is submitted', () => (bed.read('renewal.json')?.state === 'submitted' ? true : undefined));
    assert.deepEqual(bed.taken(), ['pool-h1-t0ken']);
    bed.hold('1', 1);
    await bed.held('1');
    // What runs is let to its end; what is new is sent on, and does not run here.
    await eventually('the first knows', () => (bed.read('jobs/11.json')?.state === 'draining' ? true : undefined));
    way.send({ op: 'exec', id: 'command-2', script: 'echo no' });
    await way.event('moved', 'command-2');
    await way.event('leaving');
    fs.writeFileSync(path.join(bed.directory, 'go'), '');
    await way.event('end', 'command-1');
    assert.equal(way.output('command-1'), 'through\n');
    // What was on its way when it was done here is answered, too.
    way.send({ op: 'exec', id: 'command-3', script: 'echo no' });
    await way.event('moved', 'command-3');
    assert.equal(await first.ended, 0);
    assert.match(String(bed.read('jobs/11.json')?.reason), /handed over to job 1/);
    const up = fs.readFileSync(path.join(bed.state, 'chain.jsonl'), 'utf8').split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Event])).filter(({ e }) => e === 'up');
    assert.deepEqual(up.map(({ job_id, gap_s }) => [job_id, gap_s]), [['11', null], ['1', 0]]);
  });

  it('a renewal that is refused leaves a mark; the login side makes up for it, once', async () => {
    bed = new Bed({ persistent: true, walltime_s: 3600, renew_before_s: 3590 });
    fs.writeFileSync(path.join(bed.directory, 'refuse'), '');
    bed.hold('11');
    await eventually('the mark', () => (bed.read('renewal.json')?.state === 'refused' ? true : undefined));
    assert.match(String(bed.read('renewal.json')?.error), /command failed/);
    fs.rmSync(path.join(bed.directory, 'refuse'));
    for (let times = 0; times < 3; times += 1) assert.deepEqual((bed.ask('renewal', { directory: bed.state, hop: 1 }).outcome as Event).state, 'submitted');
    assert.deepEqual(bed.taken(), ['pool-h1-t0ken']);
    bed.ask('release', { directory: bed.state });
    assert.equal((bed.ask('renewal', { directory: bed.state, hop: 2 }).outcome as Event).state, 'released');
    assert.deepEqual(bed.taken(), ['pool-h1-t0ken']);
  });

  it('a submission whose answer was lost: the successor is looked for by its name, adopted where it is, submitted again where it provably is not', () => {
    for (const [lose, submitted] of [['after', 'pool-h1-t0ken'], ['before', undefined]] as const) {
      bed = Bed.withQueue();
      bed.put('lose', lose);
      assert.equal(bed.renew().state, 'unknown');
      // Away for long: it stays unknown, with the reason, and nothing is submitted.
      for (let times = 0; times < 3; times += 1) {
        const { state, error } = bed.renew();
        assert.deepEqual([state, /Socket timed out.*could not be asked for it: .*Unable to contact/.test(String(error))], ['unknown', true], String(error));
      }
      assert.deepEqual(bed.taken(), submitted === undefined ? [] : [submitted]);
      bed.remove('away');
      // The controller answers and accounting does not: what it does not know proves nothing alone.
      bed.put('forgets');
      bed.put('no accounting', 'sacct: error: Problem talking to the database: Connection refused');
      assert.deepEqual([bed.renew().state, bed.taken().length], ['unknown', submitted === undefined ? 0 : 1]);
      bed.remove('forgets');
      bed.remove('no accounting');
      for (let times = 0; times < 3; times += 1) assert.deepEqual(bed.renew(), { state: 'submitted', successor: '1' });
      assert.deepEqual(bed.taken(), ['pool-h1-t0ken']);
      assert.match(String(bed.read('receipts/h1.json')?.found), submitted === undefined ? /undefined/ : /by its name/);
      if (lose === 'after') fs.rmSync(bed.directory, { recursive: true });
    }
    // A site without accounting has one source less.
    fs.rmSync(bed.directory, { recursive: true });
    bed = Bed.withQueue();
    bed.put('lose', 'before');
    assert.equal(bed.renew().state, 'unknown');
    bed.remove('away');
    bed.put('no accounting', 'Slurm accounting storage is disabled');
    assert.deepEqual([bed.renew(), bed.taken()], [{ state: 'submitted', successor: '1' }, ['pool-h1-t0ken']]);
  });

  it('the controller away at the moment of the renewal: the job finds out by itself when it is back, with no second successor', async () => {
    bed = Bed.withQueue({ walltime_s: 60, renew_before_s: 58 });
    bed.put('lose', 'after');
    bed.hold('11');
    await eventually('it was looked for in vain', () => fs.existsSync(path.join(bed.directory, 'asked')) || undefined);
    assert.equal(bed.read('receipts/h1.json')?.state, 'submitting');
    bed.remove('away');
    await eventually('it is adopted', () => bed.read('receipts/h1.json')?.job_id);
    await eventually('it is told', () => (bed.read('renewal.json')?.successor === '1' ? true : undefined));
    assert.deepEqual(bed.taken(), ['pool-h1-t0ken']);
  });

  it('killed before and after each write of a renewal: the successor is there at most once', () => {
    bed = new Bed({ persistent: true });
    let kills = 0;
    for (const call of ['write_atomic', 'rename', 'Popen'] as const) {
      for (let nth = 1; nth <= 8; nth += 1) {
        for (const when of ['before', 'after'] as const) {
          fs.writeFileSync(bed.ledger, '');
          fs.rmSync(path.join(bed.state, 'receipts'), { recursive: true, force: true });
          const killed = spawnSync(python, ['-S', '-E', '-B', '-c', killedAt(bed.state, call, nth, when)], { encoding: 'utf8' });
          if (killed.signal !== 'SIGKILL') continue;
          kills += 1;
          // Whoever comes next: takes what is there, or is told that it is not known; never a second one.
          const { state } = bed.ask('renewal', { directory: bed.state, hop: 1 }).outcome as { state: string };
          assert.ok(bed.taken().length <= 1, `${call} ${nth} ${when}`);
          assert.equal(state === 'submitted' ? bed.taken().length : 0, state === 'submitted' ? 1 : 0);
          assert.ok(['submitted', 'unknown'].includes(state), state);
        }
      }
    }
    assert.ok(kills >= 10, `only ${kills} kills`);
  });

  it('the software of the profile is set up once, before the first command; where it cannot be, the command does not run', async () => {
    bed = new Bed();
    bed.hold('11');
    await bed.held('11');
    const way = bed.enter();
    await way.event('hello');
    const count = path.join(bed.directory, 'count');
    const software = { text: `echo x >>'${count}'; echo noise; export A='of the "profile"\n2'; unset HOME_OF_NOBODY; f() { :; }`, wrap: [] };
    const run = (id: string, more: Readonly<Record<string, unknown>>): void => way.send({ op: 'exec', id, script: 'printf "%s|%s" "$A" "$B"', env: { B: 'own' }, ...more });
    run('command-1', { software });
    run('command-2', { software });
    await Promise.all([way.event('end', 'command-1'), way.event('end', 'command-2')]);
    assert.deepEqual([way.output('command-1'), way.output('command-2')], ['of the "profile"\n2|own', 'of the "profile"\n2|own']);
    assert.equal(fs.readFileSync(count, 'utf8'), 'x\n');
    // What looks at the folder is set up every time; what stands before the program is there.
    for (const id of ['command-3', 'command-4']) {
      run(id, { software: { ...software, wrap: ['env', 'C=wrapped'], per_folder: true }, script: 'printf %s "$C"' });
      await way.event('end', id);
      assert.equal(way.output(id), 'wrapped');
    }
    assert.equal(fs.readFileSync(count, 'utf8'), 'x\nx\nx\n');
    const ran = path.join(bed.directory, 'ran');
    run('command-5', { software: { text: `hpc_fail 'the module nonesuch cannot be loaded' 78`, wrap: [] }, script: `echo >'${ran}'` });
    const end = await way.event('end', 'command-5');
    assert.deepEqual([end.rc, way.output('command-5', 'err')], [78, 'hpc-agent: the module nonesuch cannot be loaded\n']);
    assert.match(String(end.why), /did not run/);
    // Given up while it is set up: neither goes on.
    run('command-6', { software: { text: `echo >'${ran}.began'; sleep 1000`, wrap: [] }, script: `echo >'${ran}'` });
    await eventually('the setting up began', () => fs.existsSync(`${ran}.began`) || undefined);
    way.send({ op: 'cancel', id: 'command-6' });
    assert.deepEqual([(await way.event('end', 'command-6')).why, fs.existsSync(ran)], ['cancelled', false]);
  });

  it('a terminal: bytes both ways, its size, the software in its shell, its exit status; it ends with its connection, and tells who handed over', async () => {
    bed = new Bed();
    const holder = bed.hold('11');
    await bed.held('11');
    const way = bed.enter();
    await way.event('hello');
    const type = (id: string, text: string): void => way.send({ op: 'type', id, d: Buffer.from(text).toString('base64') });
    const software = { text: 'export A=profile', wrap: [] };
    way.send({ op: 'terminal', id: 'terminal-1', columns: 90, rows: 21, software });
    assert.equal((await way.event('begun', 'terminal-1')).survives, false);
    type('terminal-1', 'echo "[$A] [$HPC_RESERVATION] $((40+2))"; stty size\r');
    await eventually('its shell answers', () => way.output('terminal-1').includes('[profile] [pool] 42\r\n21 90') || undefined);
    way.send({ op: 'resize', id: 'terminal-1', columns: 131, rows: 41 });
    type('terminal-1', 'stty size; exit 3\r');
    assert.equal((await way.event('end', 'terminal-1')).rc, 3);
    assert.match(way.output('terminal-1'), /41 131/);
    const gone = bed.enter();
    gone.send({ op: 'terminal', id: 'terminal-2', columns: 80, rows: 24, argv: ['sh', '-c', 'echo $$; while :; do sleep 1; done'] });
    const pid = await eventually('what runs in it is known', () => /(\d+)\r\n/.exec(gone.output('terminal-2'))?.[1]);
    gone.child.kill('SIGKILL');
    await eventually('it ended with its connection', () => !fs.existsSync(`/proc/${pid}`) || undefined);
    // The job ends: whoever is in it hears why.
    way.send({ op: 'terminal', id: 'terminal-3', columns: 80, rows: 24, software: { text: `hpc_fail 'no such module'; export A=later`, wrap: [] } });
    await way.event('begun', 'terminal-3');
    type('terminal-3', 'echo "[$A]"\r');
    await eventually('a shell is there though its software is not', () => /no such module[^]*\[later\]/.test(way.output('terminal-3')) || undefined);
    holder.child.kill('SIGTERM');
    assert.match(String((await way.event('end', 'terminal-3')).why), /job 11 of the reservation ended: signal 15/);
  });

  it('idle for too long it ends by itself; a command or a refresh keeps it', async () => {
    bed = new Bed({ release_after_idle_s: 3 });
    const { ended } = bed.hold('11');
    await bed.held('11');
    const way = bed.enter();
    way.send({ op: 'exec', id: 'command-1', script: 'sleep 4' });
    await way.event('end', 'command-1');
    assert.equal(bed.read('jobs/11.json')?.state, 'up');
    assert.equal(await ended, 0);
    assert.equal(bed.read('jobs/11.json')?.reason, 'idle');
    assert.ok(bed.read('released'), 'and no successor comes');
  });
});

/** `renew` in one process, with its remote program in the same one, ended at the nth such call. */
function killedAt(state: string, call: string, nth: number, when: 'before' | 'after'): string {
  return `
import json, os, signal, sys
sys.dont_write_bytecode = True
sys.path.insert(0, ${JSON.stringify(runtime)})
import hpc_hold, hpc_remote, subprocess
seen = [0]
def wrap(module, name):
    inner = getattr(module, name)
    def call(*a, **k):
        seen[0] += 1
        mine = seen[0]
        if mine == ${nth} and ${when === 'before' ? 'True' : 'False'}:
            os.kill(os.getpid(), signal.SIGKILL)
        value = inner(*a, **k)
        if mine == ${nth}:
            os.kill(os.getpid(), signal.SIGKILL)
        return value
    setattr(module, name, call)
spec = hpc_hold.read_json(os.path.join(${JSON.stringify(state)}, "hold.json"))
request = {"v": 1, "verb": "submit", "env": {}, "state_dir": ${JSON.stringify(state)}, "token": spec["token"], "unknown_pattern": spec["unknown_pattern"],
  "arrays": [dict(spec["submit"], key="h1", after=[], argv=[w.replace("-hNEXT-", "-h1-") for w in spec["submit"]["argv"]])]}
wrap(*{"write_atomic": (hpc_remote, "write_atomic"), "rename": (os, "rename"), "Popen": (subprocess, "Popen")}[${JSON.stringify(call)}])
hpc_remote.submit(request)
`;
}
