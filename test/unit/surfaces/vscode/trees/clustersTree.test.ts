import assert from 'node:assert/strict';
import { clusterNodes, isPartitionsNode, partitionNodes, partitionsFailure, type CheckReport, type ClusterRow } from '../../../../../src/surfaces/vscode/trees/clustersTree.ts';
import { heardOf } from '../../../../../src/surfaces/vscode/trees/runWords.ts';
import { ago, now, run } from '../fixtures.ts';

const row: ClusterRow = { name: 'spartan', scheduler: 'slurm', connection: 'ssh', target: 'alice@spartan', scope: 'user', state: 'idle', state_reason: null };
const report: CheckReport = {
  all_ok: false,
  checked_at: ago(60),
  checks: [
    { name: 'login', ok: true, detail: 'alice', remediation: null },
    { name: 'scratch_folder', ok: null, detail: 'timed out', remediation: 'Try again.' },
  ],
};

describe('The Clusters tree (unit)', () => {
  it('says what is known without asking', () => {
    const nodes = clusterNodes([row, { ...row, name: 'this-computer', connection: 'local', scheduler: 'background', state: 'connected' }], [], new Map(), new Map(), now);
    assert.deepEqual(nodes.map(({ description }) => description), ['Slurm · not connected', 'no scheduler · here']);
    for (const { children } of nodes) assert.deepEqual(typeof children === 'string' ? children : children.map(({ label, command }) => [label, command]), [['Check now', 'hpc-agent.preflight'], ['Partitions', undefined], ['Nodes', undefined], ['Your queue', undefined], ['Limits', undefined]]);
  });

  it('shows why a cluster cannot be used', () => {
    const [node] = clusterNodes([{ ...row, state: 'refused', state_reason: 'no key was accepted' }], [], new Map(), new Map(), now);
    assert.equal(node?.description, 'Slurm · sign-in refused · no key was accepted');
    assert.equal(node?.icon?.id, 'lock');
  });

  it('keeps “could not be asked” apart from “failed”', () => {
    const [node] = clusterNodes([row], [], new Map([['spartan', report]]), new Map(), now);
    assert.ok(node && typeof node.children !== 'string');
    assert.deepEqual(node.children.map(({ label, description, icon }) => [label, description, icon?.id]), [
      ['login', 'alice', 'pass'],
      ['scratch folder', 'could not be asked: timed out', 'question'],
      ['Partitions', undefined, 'server'],
      ['Nodes', undefined, 'server-environment'],
      ['Your queue', undefined, 'list-ordered'],
      ['Limits', undefined, 'law'],
    ]);
  });

  it('puts the checks of a good cluster out of the way, and what fails there is no obstacle', () => {
    const checks = [{ name: 'cluster_login', ok: true, detail: 'alice', remediation: null }, { name: 'ssh_agent', ok: false, detail: 'none', remediation: null }];
    const [node] = clusterNodes([row], [], new Map([['spartan', { ...report, all_ok: true, checks }]]), new Map(), now);
    const children = node && typeof node.children !== 'string' ? node.children : [];
    assert.deepEqual(children.map(({ label }) => label), ['Partitions', 'Nodes', 'Your queue', 'Limits', 'Checks']);
    const last = children.at(-1)?.children;
    assert.deepEqual(last !== undefined && typeof last !== 'string' ? last.map(({ label, icon }) => [label, icon?.id]) : last, [['Sign-in', 'pass'], ['Keys', 'warning']]);
  });

  it('does not say that nothing is connected where another window asks', () => {
    const heard = heardOf([run({ cluster: 'spartan', observed_at: ago(12) }), run({ cluster: 'spartan', observed_at: ago(40) }), run({ cluster: 'other', observed_at: ago(5), lifecycle_state: 'complete' })]);
    assert.deepEqual([...heard], [['spartan', ago(12)]]);
    assert.equal(clusterNodes([row], [], new Map(), new Map(), now, heard)[0]?.description, 'Slurm · seen 12 s ago');
    assert.equal(clusterNodes([{ ...row, state: 'connected' }], [], new Map(), new Map(), now, heard)[0]?.description, 'Slurm · connected');
  });

  it('shows what is free of each partition when “Partitions” is opened, and not before', () => {
    const [node] = clusterNodes([row], [], new Map(), new Map(), now);
    const partitions = typeof node?.children === 'string' ? undefined : node?.children.find(isPartitionsNode);
    assert.ok(partitions);
    assert.equal(partitions.children, 'lazy');
    const shared = { is_default: false, max_walltime_s: 3600, nodes: 2, cpus_total: 64, memory_mib_per_node: 65_536 };
    const rows = partitionNodes(partitions, { observed_at: ago(30), stale_reason: null, partitions: [{ ...shared, name: 'gpu', up: true, cpus_free: 12, gpus: [{ type: 'a100', total: 4, free: 2 }] }, { ...shared, name: 'old', up: false, cpus_free: 0, gpus: [] }] }, now);
    assert.deepEqual(rows.map(({ label, description, icon }) => [label, description, icon?.id]), [['gpu', '2 of 4 a100 free · 12 of 64 cores free', 'circle-large-filled'], ['old', 'down · 0 of 64 cores free', 'circle-slash']]);
    assert.match(rows[0]?.tooltip ?? '', /64 GiB[\s\S]*at most 60 min[\s\S]*30 s ago/);
    assert.deepEqual(partitionsFailure(partitions, 'no route').map(({ label, description }) => [label, description]), [['Could not be asked', 'no route']]);
  });

  it('shows mistakes of clusters.yaml with their place', () => {
    const [node] = clusterNodes([], [{ file: '/h/clusters.yaml', line: 7, severity: 'error', message: 'unknown key `hots`' }], new Map(), new Map(), now);
    assert.deepEqual([node?.label, node?.description], ['clusters.yaml:7', 'unknown key `hots`']);
    assert.deepEqual([node?.subject, node?.command], [{ kind: 'file', file: '/h/clusters.yaml', line: 7 }, 'hpc-agent.openClustersFile']);
  });
});
