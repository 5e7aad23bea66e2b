/** The `when` clauses of package.json and the context values of the trees are one agreement, written in two places. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { clusterNodes } from '../../../../../src/surfaces/vscode/trees/clustersTree.ts';
import { failureGroupNodes } from '../../../../../src/surfaces/vscode/trees/failureNodes.ts';
import type { TreeNode } from '../../../../../src/surfaces/vscode/trees/node.ts';
import { arrangedRunNodes } from '../../../../../src/surfaces/vscode/trees/runArrangement.ts';
import { reservationNodes } from '../../../../../src/surfaces/vscode/trees/reservationsTree.ts';
import { taskNodes } from '../../../../../src/surfaces/vscode/trees/runsTree.ts';
import { counts, now, run, task } from '../fixtures.ts';

interface MenuEntry {
  readonly command: string;
  readonly group: string;
  readonly when: string;
}
const { contributes } = JSON.parse(fs.readFileSync('package.json', 'utf8')) as { contributes: { menus: Record<string, MenuEntry[]> } };
const entries = contributes.menus['view/item/context'] ?? [];

const flat = (nodes: readonly TreeNode[]): readonly TreeNode[] => nodes.flatMap((node) => [node, ...(typeof node.children === 'string' ? [] : flat(node.children))]);

function runValues(): readonly string[] {
  const runs = [run(), run({ run_id: 'x', lifecycle_state: 'unknown', attention: [{ kind: 'submission', message: 'lost', task_ids: [] }] }), run({ run_id: 'y', lifecycle_state: 'complete', attention: [], counts: counts({ complete: 1200 }) })];
  const nodes = flat(arrangedRunNodes([{ folder: '/w', runs }], { filter: '', grouping: 'none' }, now));
  const wave = nodes.find(({ subject }) => subject.kind === 'wave');
  const failures = nodes.find(({ contextValue }) => contextValue === 'failures');
  assert.ok(wave && failures);
  const group = { error_class: 'oom', failure_class: 'oom', fingerprint: 'f', title: 'Out of memory', message: 'm', certainty: 'proved', count: 2, task_ids: [3, 4], task_ranges: '3-4', sample_task_id: 3, sample_path: null, evidence: [], culprit: null, advice: '' };
  const groups = failureGroupNodes(failures, { clusters: [group], note: null } as unknown as Parameters<typeof failureGroupNodes>[1]);
  return [...nodes, ...groups, ...taskNodes(wave, [task(1), task(2, { state: 'running' })], 60, 1)].map(({ contextValue }) => contextValue);
}

function clusterValues(): readonly string[] {
  const row = { name: 'bed', scheduler: 'slurm', connection: 'ssh', target: 'bed', scope: 'user', state: 'idle', state_reason: null };
  return flat(clusterNodes([row, { ...row, name: 'this-computer', connection: 'local' }], [{ file: '/c.yaml', line: 1, severity: 'error', message: 'm' }], new Map(), new Map(), now)).map(({ contextValue }) => contextValue);
}

function reservationValues(): readonly string[] {
  const row = { id: 'r', name: 'dev', cluster: 'bed', host: 'bed', node: 'n1', job_id: '7', liveness: 'alive', phase: 'held', because: '', observed_at: null, ends_at: null, persistent: false, idle_s: null, attention: [], evidence: [], node_hours: null, hops: [], release_after_idle_s: null } as unknown as Parameters<typeof reservationNodes>[0][number];
  return flat(reservationNodes([row, { ...row, id: 's', liveness: 'dead' }], [], now)).map(({ contextValue }) => contextValue);
}

/** `viewItem =~ /…/`, or `viewItem == word`. */
function patternOf(when: string): string | undefined {
  const word = /viewItem == (\S+)/.exec(when)?.[1];
  return /viewItem =~ \/(.*)\//.exec(when)?.[1] ?? (word === undefined ? undefined : `^${word}$`);
}

describe('Context values and the manifest (unit)', () => {
  const values: Readonly<Record<string, readonly string[]>> = { 'hpcAgent.runs': runValues(), 'hpcAgent.clusters': clusterValues(), 'hpcAgent.reservations': reservationValues() };

  it('every clause fits some row, so no command is out of reach', () => {
    for (const { command, when } of entries) {
      const view = /view == ([\w.]+)/.exec(when)?.[1] ?? '';
      const pattern = patternOf(when);
      assert.ok(values[view] !== undefined && pattern !== undefined, `${command}: ${when}`);
      assert.ok(values[view].some((value) => new RegExp(pattern).test(value)), `${command} has no row for ${pattern}`);
    }
  });

  it('what is alive can be cancelled and what has ended cannot', () => {
    const fits = (command: string, value: string): boolean => entries.some((entry) => entry.command === command && new RegExp(patternOf(entry.when) ?? '$^').test(value));
    for (const value of values['hpcAgent.runs'] ?? []) if (value.startsWith('run.')) assert.equal(fits('hpc-agent.cancelRun', value), value.startsWith('run.open'), value);
    assert.ok(fits('hpc-agent.showStderr', 'failure.group') && fits('hpc-agent.attachReservation', 'reservation.alive.held') && !fits('hpc-agent.attachReservation', 'reservation.dead'));
  });

  it('what a button on a row does is in its menu, too, where the keyboard gets', () => {
    const isInline = ({ group }: MenuEntry): boolean => group.startsWith('inline');
    for (const { command, when } of entries.filter(isInline)) {
      const view = /view == ([\w.]+)/.exec(when)?.[1] ?? '';
      const menu = entries.filter((entry) => entry.command === command && entry.when.includes(view) && !isInline(entry)).map((entry) => new RegExp(patternOf(entry.when) ?? '$^'));
      for (const value of values[view] ?? []) if (new RegExp(patternOf(when) ?? '$^').test(value)) assert.ok(menu.some((pattern) => pattern.test(value)), `${command} of ${value} is a button only`);
    }
  });

  it('rows below a cluster are not taken for the cluster', () => {
    const below = (values['hpcAgent.clusters'] ?? []).filter((value) => !value.startsWith('cluster.') && value !== 'problem');
    assert.ok(below.includes('cluster-queue'));
    for (const { command, when } of entries) if (when.includes('hpcAgent.clusters')) for (const value of below) assert.ok(!new RegExp(patternOf(when) ?? '$^').test(value), `${command} on ${value}`);
  });
});
