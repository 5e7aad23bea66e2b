/** The suite on a real Grid Engine. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { HpcError } from '../../../src/foundation/errors.ts';
import { quoteWord } from '../../../src/foundation/quoting.ts';
import { dialectFor } from '../../../src/scheduler/dialects.ts';
import type { ResourceRequest, SchedulerTools } from '../../../src/scheduler/port.ts';
import { startGridEngine, type GridEngine } from '../../sandbox/gridEngine.ts';
import { eventually } from '../../sandbox/runs/cli.ts';
import { describeScheduler } from './describeScheduler.ts';
import { commandText } from './place.ts';

describeScheduler('scheduler sge, on the sandbox', async () => {
  const grid = await startGridEngine();
  const facts = await grid.asUser('printf "%s\\n" "$HOME" "$USER"; for t in qsub qstat qacct qdel qconf; do command -v "$t"; done; command -v python3');
  const [home = '', user = '', ...paths] = facts.stdout.trim().split('\n');
  const byName = Object.fromEntries(paths.map((file) => [file.slice(file.lastIndexOf('/') + 1), file]));
  const directory = `${home}/ct-${randomBytes(4).toString('hex')}`;
  return {
    dialect: dialectFor('sge'),
    tools: { tools: byName, python: byName.python3, user, runtimeDirectory: '/nowhere' },
    lacks: ['comments', 'cancelled', 'afterok'],
    directory,
    run: (command, variables) => grid.asUser(commandText(command, variables), command.stdin === undefined ? {} : { stdin: command.stdin }),
    script: (text, stdin) => grid.asUser(text, stdin === undefined ? {} : { stdin }),
    dispose: async () => {
      await grid.asUser(`rm -rf '${directory}'`);
    },
  };
});

describe('scheduler sge: its own ways, on the sandbox', function () {
  this.timeout(120_000);
  let grid: GridEngine;
  let tools: SchedulerTools;
  const dialect = dialectFor('sge');
  const directory = `/home/carol/own-${randomBytes(4).toString('hex')}`;
  before(async () => {
    grid = await startGridEngine();
    tools = { tools: Object.fromEntries(['qsub', 'qstat', 'qacct', 'qdel', 'qconf'].map((name) => [name, `/usr/bin/${name}`])), python: undefined, user: 'carol', runtimeDirectory: '/nowhere' };
  });
  after(async () => {
    await grid.asUser(`qdel -u carol; rm -rf '${directory}'`);
  });

  /** Submits `body` as a plain job in `workdir`, waits for its end, and gives what it wrote. */
  async function outputOf(body: string, resources: ResourceRequest, workdir: string): Promise<string> {
    const scriptPath = `${workdir}/job.sh`;
    const stdoutPath = dialect.logPath(`${workdir}/logs`, 'own', 'out', false);
    await grid.asUser(`mkdir -p ${quoteWord(`${workdir}/logs`)}; printf '%s\n' '#!/bin/sh' ${quoteWord(body)} 'echo end' >${quoteWord(scriptPath)}`);
    const query = dialect.submit({ name: `own-${randomBytes(4).toString('hex')}`, comment: 'c', scriptPath, workdir, dependencies: [], resources, stdoutPath, stderrPath: dialect.logPath(`${workdir}/logs`, 'own', 'err', false) }, tools);
    const { jobId } = query.parse(await grid.asUser(commandText(query.command)), true);
    return eventually('it ends', async () => {
      const { stdout } = await grid.asUser(`cat ${quoteWord(dialect.resolveLogPath(stdoutPath, jobId, undefined))}`);
      return stdout.endsWith('end\n') ? stdout : undefined;
    });
  }

  it('several cores come from the site’s parallel environment, and memory is asked for each of them', async () => {
    const seen = await outputOf('echo "$NSLOTS $PE"; qstat -j "$JOB_ID" | grep "^hard resource"', { cpus: 4, memoryMiB: 400, walltimeS: 60, gpus: 1 }, directory);
    assert.match(seen, /^4 smp$/m);
    assert.match(seen, /h_data=100M/);
    assert.match(seen, /h_rt=60/);
    assert.match(seen, /gpu=1/);
  });

  it('logs lie where they should in a folder with commas and colons', async () => {
    assert.equal(await outputOf('pwd', {}, `${directory}/a,b: c`), `${directory}/a,b: c\nend\n`);
  });

  it('at the site’s job limit nothing is submitted and the error says so', async () => {
    await grid.faults.setOptions({ max_u_jobs: 1 });
    try {
      // A job that just ended may still be counted.
      await eventually('one job waits', async () => {
        const { exitCode } = await grid.asUser(`mkdir -p '${directory}'; echo 'sleep 60' >'${directory}/s.sh'; qsub -h -o /dev/null -e /dev/null '${directory}/s.sh'`);
        return exitCode === 0 ? true : undefined;
      });
      await assert.rejects(outputOf('true', {}, directory), (error: unknown) => HpcError.is(error, 'scheduler_throttled') && error.message.includes('per user'));
    } finally {
      await grid.faults.setOptions({});
    }
  });
});
