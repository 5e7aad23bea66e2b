/** The scanner as it runs on a cluster: a real Python, through `hpc_remote.py`. */
import { spawnSync } from 'node:child_process';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseReply } from '../../../../src/cluster/remoteRuntime.ts';
import { resolveLogPattern } from '../../../../src/scheduler/logPattern.ts';
import type { SchedulerDialect } from '../../../../src/scheduler/port.ts';
import { filePatterns, parseScan, scanRequest, type LogFinding, type LoggedTask } from '../../../../src/runs/diagnosis/scan.ts';

const runtime = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../../templates/runtime');
const environment = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' };

/** What scanning needs of a dialect. */
export const dialect = { resolveLogPath: resolveLogPattern } as unknown as SchedulerDialect;

export function askRemote(request: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const result = spawnSync('python3', ['-S', '-E', path.join(runtime, 'hpc_remote.py')], { input: JSON.stringify({ v: 1, verb: 'diagnose', ...request }), encoding: 'utf8', env: environment, maxBuffer: 1 << 28 });
  return parseReply({ stdout: result.stdout, stderr: result.stderr, exitCode: result.status }, 'python');
}

/** Scans `<folder>/w0a0.7_<task + 1>.err` and `.out` of tasks 0 to count - 1. */
export function scanFolder(folder: string, count: number, options: { readonly root?: string; readonly lines?: number; readonly seconds?: number; readonly maxGroups?: number } = {}): ReadonlyMap<number, LogFinding> {
  const patterns = { err: `${folder.replaceAll('%', '%%')}/w0a0.%A_%a.err`, out: `${folder.replaceAll('%', '%%')}/w0a0.%A_%a.out` };
  const tasks = Array.from({ length: count }, (_, task): LoggedTask => ({ task, jobId: '7', index: task + 1, patterns }));
  const scan = scanRequest(filePatterns(dialect, tasks), options.root ?? '', { lines: options.lines ?? 30, seconds: options.seconds ?? 60, maxGroups: options.maxGroups ?? 200 });
  return parseScan(askRemote({ scan }).scan);
}

/** The fingerprints of many lines. */
export function fingerprints(lines: readonly string[]): readonly string[] {
  const program = 'import json, sys\nsys.path.insert(0, sys.argv[1])\nimport hpc_diagnose\nprint(json.dumps([hpc_diagnose.fingerprint(line) for line in json.load(sys.stdin)]))';
  const result = spawnSync('python3', ['-S', '-E', '-c', program, runtime], { input: JSON.stringify(lines), encoding: 'utf8', env: environment });
  if (result.status !== 0) throw new Error(result.stderr);
  return JSON.parse(result.stdout) as string[];
}
