/**
 * No crash at any moment of `submit` loses a job or submits it twice: a sample in CI, the full count with
 * `HPC_AGENT_FAULTS=100`, the same moments again with `HPC_AGENT_FAULTS_SEED=<number>`.
 */
import assert from 'node:assert/strict';
import { Cli } from '../sandbox/runs/cli.ts';
import { startSandbox, type Sandbox } from '../sandbox/sandbox.ts';
import { describeReport, killClusters, killSubmissions, type Way } from './submitKills.ts';

const count = Number(process.env.HPC_AGENT_FAULTS ?? 6);
const parallel = Number(process.env.HPC_AGENT_FAULTS_PARALLEL ?? 3);
const seed = Number(process.env.HPC_AGENT_FAULTS_SEED ?? Math.floor(Math.random() * 1e6));

describe('submit broken at random moments (sandbox)', function () {
  this.timeout(120_000 + count * 30_000);
  let sandbox: Sandbox;
  let cli: Cli;
  before(async () => {
    sandbox = await startSandbox();
    cli = await Cli.build();
    await cli.writeClusters(killClusters(sandbox));
  });
  after(async () => {
    await cli.dispose();
  });

  for (const way of ['process', 'connection'] as const satisfies readonly Way[]) {
    it(`${way === 'process' ? 'the process killed with SIGKILL' : 'the SSH connection cut'}, ${count} times: every job is on the cluster once, every result there once`, async () => {
      const report = await killSubmissions(cli, sandbox, { way, count, seed, parallel, say: (line) => console.log(`      ${line}`) });
      console.log(`      ${describeReport(report)}`);
      assert.deepEqual(report.anomalies, []);
      assert.ok(report.hits > 0, 'no submission was at work when it was hit');
    });
  }
});
