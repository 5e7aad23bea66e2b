/**
 * Taking times side by side.
 *
 * Rule: no time stands alone. The contestants go in turn within each round (and in the opposite order in every second one),
 * so that whatever else the machine does hits all alike; a ratio is the median of the ratios within the rounds.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as os from 'node:os';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

/** Median and the quartiles around it. */
export interface Figure {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

export function figure(values: readonly number[]): Figure {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number): number => {
    const position = part * (sorted.length - 1);
    const below = sorted[Math.floor(position)] ?? NaN;
    return below + ((sorted[Math.ceil(position)] ?? NaN) - below) * (position % 1);
  };
  return { median: at(0.5), low: at(0.25), high: at(0.75), count: values.length };
}

export function ratioOf(ours: readonly number[], peer: readonly number[]): Figure {
  return figure(ours.map((value, round) => value / (peer[round] ?? NaN)));
}

/** What is measured. What it does before its own time is taken (`before`) and after it (`after`) does not count. */
export interface Contestant {
  readonly before?: (round: number) => Promise<void>;
  readonly run: (round: number) => Promise<unknown>;
  readonly after?: (round: number) => Promise<void>;
}

export async function interleaved<Name extends string>(contestants: Readonly<Record<Name, Contestant>>, rounds: number, warmUp = 1): Promise<Record<Name, number[]>> {
  const names = Object.keys(contestants) as Name[];
  const times = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, number[]>;
  for (let round = -warmUp; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const { before, run, after } = contestants[name];
      await before?.(round);
      const since = performance.now();
      await run(round);
      const took = performance.now() - since;
      await after?.(round);
      if (round >= 0) times[name].push(took);
    }
  }
  return times;
}

export interface ProgramOptions {
  readonly stdin?: string;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs a program to its end; a failure is an error, as its time would mean nothing. */
export async function program(argv: readonly string[], options: ProgramOptions = {}): Promise<string> {
  const child = spawn(argv[0] ?? '', argv.slice(1), { cwd: options.cwd, env: options.env, stdio: 'pipe' });
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.stdin ?? '');
  const [out, err, [code]] = (await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])) as [string, string, [number | null]];
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}: ${(err + out).slice(-1000)}`);
  return out;
}

export interface ProgramStart {
  readonly argv: readonly string[];
  readonly cwd?: string;
  /** Instead of this process's environment; `{round}` in a value becomes the round's number. */
  readonly env?: Readonly<Record<string, string>>;
}

/** From start to end, and the processor time that it and its children used, which a busy machine changes less. */
export interface StartTimes {
  readonly ms: readonly number[];
  readonly cpuMs: readonly number[];
}

/**
 * Times programs from start to end, in turn, from a small Python process: starting a process out of a big one such as this takes
 * milliseconds of its own, which would make every ratio look like 1.
 */
export async function programStarts<Name extends string>(programs: Readonly<Record<Name, ProgramStart>>, rounds: number, warmUp = 2): Promise<Record<Name, StartTimes>> {
  const driver = `
import json, os, shutil, sys, time
request = json.load(sys.stdin)
names = list(request["programs"])
times = {name: {"ms": [], "cpuMs": []} for name in names}
null = os.open(os.devnull, os.O_RDWR)
for n in range(request["warmUp"] + request["rounds"]):
    for name in names if n % 2 == 0 else reversed(names):
        spec = request["programs"][name]
        env = {k: v.replace("{round}", str(n)) for k, v in spec.get("env", dict(os.environ)).items()}
        path = shutil.which(spec["argv"][0])
        os.chdir(spec.get("cwd", "/"))
        since = time.perf_counter()
        pid = os.posix_spawn(path, spec["argv"], env, file_actions=[(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, null, 1)])
        _, status, used = os.wait4(pid, 0)
        took = (time.perf_counter() - since) * 1000
        if status != 0:
            sys.exit("%s ended with status %d" % (spec["argv"], status))
        if n >= request["warmUp"]:
            times[name]["ms"].append(took)
            times[name]["cpuMs"].append((used.ru_utime + used.ru_stime) * 1000)
print(json.dumps(times))
`;
  return JSON.parse(await program(['python3', '-c', driver], { stdin: JSON.stringify({ programs, rounds, warmUp }) })) as Record<Name, StartTimes>;
}

/** The part of all cores that was busy over the next moment, 0 to 1. */
export async function busyPart(overMs = 300): Promise<number> {
  const look = (): { idle: number; all: number } => {
    const times = os.cpus().map((cpu) => cpu.times);
    const idle = times.reduce((sum, time) => sum + time.idle, 0);
    return { idle, all: times.reduce((sum, { user, nice, sys, irq, idle: free }) => sum + user + nice + sys + irq + free, 0) };
  };
  const before = look();
  await sleep(overMs);
  const after = look();
  return after.all === before.all ? 0 : 1 - (after.idle - before.idle) / (after.all - before.all);
}

/** Waits for a quiet moment, but not for ever; how busy the machine was at the end of the wait. */
export async function quietMoment(limitMs: number): Promise<number> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const busy = await busyPart();
    if (busy < 0.25 || performance.now() > deadline) return busy;
    await sleep(500);
  }
}
