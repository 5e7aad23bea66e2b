/**
 * Writes `.hpc/tasks.py` in hpc-agent's form: FLAGS, an eager _TASKS, total() and resolve(i); and `.hpc/axes.yaml`.
 *
 * Rules: the file belongs to its user. One that is there is replaced only when asked for, atomically, and kept beside it as a
 * backup. A hash in the head tells whether a file of ours was edited since. The text is formatted as `ruff format` would.
 */
import * as path from 'node:path';
import { readTextIfThere, writeFileAtomic } from '../foundation/atomicFile.ts';
import { HpcError, systemCodeOf } from '../foundation/errors.ts';
import { sha256Hex, timestampId } from '../foundation/ids.ts';
import type { Clock } from '../foundation/clock.ts';
import { pythonList, pythonLiteral, pythonString } from './pythonLiteral.ts';
import type { PythonObject, PythonValue } from './pythonJson.ts';
import { pythonFloat } from './sweepValues.ts';
import { countTasks, sweepGroups, taskAt, type SweepFlag, type SweepGroup, type TasksSpec } from './taskSpec.ts';

const width = 88;
const marker = '# hpc-agent: sha256 of what follows: ';

export interface RenderedTasks {
  readonly text: string;
  readonly taskCount: number;
  /** Text of axes.yaml; undefined for a sweep that is no single product. */
  readonly axesYaml: string | undefined;
  /** Kwargs of the first tasks and the last. */
  readonly preview: readonly PythonObject[];
}

/** The key of FLAGS: the importable module where the path is one, else the path. */
export function executorModule(file: string): string {
  const parts = file.replace(/\.py$/, '').split('/');
  return file.endsWith('.py') && parts.every((part) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(part)) ? parts.join('.') : file;
}

const pythonTypes = new Set(['int', 'float', 'str', 'bool']);

/** Discovery gives plain numbers; the flag's type says that 1 is 1.0. */
function asDeclared(flag: SweepFlag): PythonValue {
  return flag.type === 'float' && typeof flag.default === 'number' ? pythonFloat(flag.default) : (flag.default ?? null);
}

function flagLiteral(flag: SweepFlag): string {
  const parts = [`"name": ${pythonString(flag.name)}`];
  if (flag.type !== undefined && pythonTypes.has(flag.type)) parts.push(`"type": ${flag.type}`);
  if (flag.default !== undefined && flag.default !== null) parts.push(`"default": ${pythonLiteral(asDeclared(flag))}`);
  if (flag.required) parts.push('"required": True');
  if (flag.choices) parts.push(`"choices": ${pythonLiteral(flag.choices)}`);
  if (flag.help) parts.push(`"help": ${pythonString(flag.help)}`);
  return braces(parts, '        ', 1);
}

/** `{a, b}` on one line where it fits, else one part per line. `after`: characters that follow on the last line. */
function braces(parts: readonly string[], indent: string, after: number): string {
  const line = `{${parts.join(', ')}}`;
  if (indent.length + line.length + after <= width) return line;
  return `{\n${parts.map((part) => `${indent}    ${part},\n`).join('')}${indent}}`;
}

function renderFlags(spec: TasksSpec): string {
  if (spec.executors.length === 0) return 'FLAGS = {}\n';
  const entries = spec.executors.map(({ path: file, flags }) => {
    const key = pythonString(executorModule(file));
    if (flags.length === 0) return `    ${key}: [],\n`;
    return `    ${key}: [\n${flags.map((flag) => `        ${flagLiteral(flag)},\n`).join('')}    ],\n`;
  });
  return `FLAGS = {\n${entries.join('')}}\n`;
}

function renderGroup(group: SweepGroup): string {
  const taken = new Set(['range', 'float']);
  const variables = group.axes.map(({ name }) => {
    let variable = name;
    while (taken.has(variable)) variable += '_';
    taken.add(variable);
    return variable;
  });
  const parts = Object.entries(group.fixed ?? {}).map(([name, value]) => `${pythonString(name)}: ${pythonLiteral(value)}`);
  group.axes.forEach((axis, i) => parts.push(axis.points ? `**${variables[i] ?? ''}` : `${pythonString(axis.name)}: ${variables[i] ?? ''}`));
  const loops = group.axes.map((axis, i) => {
    const head = `for ${variables[i] ?? ''} in `;
    const values = axis.values ?? axis.points;
    const oneLine = pythonList(values, ' '.repeat(4 + head.length), width);
    return `    ${head}${oneLine.includes('\n') ? pythonList(values, '    ', width) : oneLine}\n`;
  });
  return `${braces(parts, '    ', 0)}\n${loops.join('')}`;
}

/** A list display of dicts, or comprehensions: one per group that has axes. */
function renderTasks(groups: readonly SweepGroup[]): string {
  if (groups.every((group) => group.axes.length === 0)) {
    const items = groups.map((group) => Object.entries(group.fixed ?? {}).map(([name, value]) => `${pythonString(name)}: ${pythonLiteral(value)}`));
    return `_TASKS = [\n${items.map((parts) => `    ${braces(parts, '    ', 1)},\n`).join('')}]\n`;
  }
  return groups
    .map((group, i) => {
      const operator = i === 0 ? '=' : '+=';
      if (group.axes.length === 0) return `_TASKS ${operator} [\n    ${renderGroup(group).trimEnd()},\n]\n`;
      const body = renderGroup(group);
      const short = `[${body.trim().split('\n').map((line) => line.trim()).join(' ')}]`;
      const line = `_TASKS ${operator} ${short}`;
      return body.trim().split('\n').length <= 1 + group.axes.length && line.length <= width ? `${line}\n` : `_TASKS ${operator} [\n    ${body}]\n`;
    })
    .join('');
}

/** Throws `spec_invalid` for what cannot be a sweep. */
export function renderTasksPy(spec: TasksSpec): RenderedTasks {
  const groups = sweepGroups(spec);
  const taskCount = countTasks(groups);
  const shown = [...new Set([0, 1, 2, taskCount - 1])].filter((i) => i >= 0 && i < taskCount);
  const only = groups.length === 1 ? groups[0] : undefined;
  const order = only && only.axes.length > 1 ? `\n\nThe parameter ${only.axes.at(-1)?.name ?? ''} varies fastest.` : '';
  const body =
    `"""The ${taskCount === 1 ? 'one task' : `${taskCount} tasks`} of this experiment: resolve(i) returns the parameters of task i.${order}\n\n` +
    'Change what you like; hpc-agent reads FLAGS, total() and resolve(), and never\nreplaces an edited file without asking.\n"""\n\n' +
    `${renderFlags(spec)}\n${renderTasks(groups)}\n\n` +
    'def total():\n    return len(_TASKS)\n\n\ndef resolve(i):\n    return dict(_TASKS[i])\n';
  return {
    text: `${marker}${sha256Hex(body).slice(0, 16)}\n${body}`,
    taskCount,
    axesYaml: only && only.axes.length > 0 ? renderAxesYaml(only) : undefined,
    preview: shown.map((i) => taskAt(groups, i)),
  };
}

function renderAxesYaml(group: SweepGroup): string {
  // Names are identifiers, so they need no quotes but for the words that YAML reads as something else.
  const plain = (name: string): string => (/^(?:y|n|yes|no|on|off|true|false|null)$/i.test(name) ? `"${name}"` : name);
  const axes = group.axes.map((axis) => `  - name: ${plain(axis.name)}\n    size: ${(axis.values ?? axis.points).length}\n`);
  return `# Axes of tasks.py in row-major order: the last varies fastest.\naxes_schema_version: 1\naxes:\n${axes.join('')}homogeneous_axes: []\n`;
}

/** `ours`: written by us and unchanged; `edited`: ours, changed since; `foreign`: from elsewhere. */
export function inspectTasksPy(text: string): 'ours' | 'edited' | 'foreign' {
  const unix = text.replaceAll('\r\n', '\n');
  if (!unix.startsWith(marker)) return 'foreign';
  const end = unix.indexOf('\n');
  return sha256Hex(unix.slice(end + 1)).startsWith(unix.slice(marker.length, end)) && end - marker.length === 16 ? 'ours' : 'edited';
}

export interface WrittenTasks extends RenderedTasks {
  readonly path: string;
  /** False when the file said the same already. */
  readonly written: boolean;
  /** Where the replaced file lies now. */
  readonly backup: string | undefined;
}

/** Writes into `<directory>/.hpc`. Throws `spec_invalid` with `details.existing` where a file is there and `overwrite` is not set. */
export async function writeTasksPy(directory: string, spec: TasksSpec, options: { overwrite?: boolean; clock: Clock }): Promise<WrittenTasks> {
  const rendered = renderTasksPy(spec);
  const file = path.join(directory, '.hpc', 'tasks.py');
  const axesFile = path.join(directory, '.hpc', 'axes.yaml');
  const existing = await readTextIfThere(file);
  if (existing === rendered.text) return { ...rendered, path: file, written: false, backup: undefined };
  let backup: string | undefined;
  if (existing === undefined) {
    try {
      await writeFileAtomic(file, rendered.text, { exclusive: true });
    } catch (error) {
      if (systemCodeOf(error) === 'EEXIST') throw refusal(file, 'foreign');
      throw error;
    }
  } else {
    if (!options.overwrite) throw refusal(file, inspectTasksPy(existing));
    backup = await keepBackup(file, existing, options.clock);
    await writeFileAtomic(file, rendered.text);
  }
  if (rendered.axesYaml !== undefined) await writeFileAtomic(axesFile, rendered.axesYaml);
  // Axes that belong to another tasks.py would be wrong; hpc-agent then derives nothing from them.
  else if ((await readTextIfThere(axesFile)) !== undefined) await writeFileAtomic(axesFile, 'axes_schema_version: 1\naxes:\n  - name: task\n' + `    size: ${rendered.taskCount}\nhomogeneous_axes: []\n`);
  return { ...rendered, path: file, written: true, backup };
}

function refusal(file: string, state: ReturnType<typeof inspectTasksPy>): HpcError {
  const whose = { ours: 'written by HPC Agent for an earlier sweep', edited: 'written by HPC Agent and edited since', foreign: 'written by hand or by another program' }[state];
  return new HpcError('spec_invalid', `${file} exists; it was ${whose}.`, {
    remediation: 'Ask for overwriting: the old file is kept beside it as a backup.',
    details: { existing: state, file },
  });
}

async function keepBackup(file: string, text: string, clock: Clock): Promise<string> {
  const stem = `${file}.${timestampId(clock.now())}`;
  for (let i = 0; ; i++) {
    const backup = i === 0 ? `${stem}.bak` : `${stem}-${i}.bak`;
    try {
      await writeFileAtomic(backup, text, { exclusive: true });
      return backup;
    } catch (error) {
      if (systemCodeOf(error) !== 'EEXIST') throw error;
    }
  }
}
