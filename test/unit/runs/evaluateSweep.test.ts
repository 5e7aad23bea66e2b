/** What was planned is what is submitted: one evaluation serves both, and no other. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { HpcError } from '../../../src/foundation/errors.ts';
import { sha256Hex } from '../../../src/foundation/ids.ts';
import type { RunDeps, SweepEvaluation } from '../../../src/runs/deps.ts';
import { evaluateSweep, forgetEvaluation } from '../../../src/runs/evaluateSweep.ts';
import { makePlace, type Place } from './place.ts';

describe('evaluating a sweep (unit)', function () {
  this.timeout(30_000);
  let place: Place;
  let deps: RunDeps;
  let evaluated: number;
  const tasksPy = (): string => path.join(place.experimentDir, '.hpc', 'tasks.py');
  beforeEach(async () => {
    place = await makePlace();
    evaluated = 0;
    await fs.mkdir(path.dirname(tasksPy()), { recursive: true });
    await fs.writeFile(tasksPy(), 'draw()\n');
    deps = {
      ...place.deps,
      executors: {
        ...place.deps.executors,
        // Like a tasks.py that draws a trial at each call.
        evaluate: async (): Promise<SweepEvaluation> => {
          evaluated += 1;
          const lines = [`{"trial": ${evaluated}}`];
          return { taskCount: 1, lines, cmdSha: sha256Hex(lines.join('\n')), tasksPySha: sha256Hex(await fs.readFile(tasksPy(), 'utf8')), keyOrder: ['trial'], flagModules: [], problems: [] };
        },
      },
    };
  });
  afterEach(() => place.dispose());

  const evaluate = (where: 'local' | 'cluster' = 'local'): ReturnType<typeof evaluateSweep> => evaluateSweep({ evaluateOn: where, cluster: 'bed' }, place.session, deps, place.remoteRoot, place.call);
  const keptFiles = async (): Promise<string[]> => (await fs.readdir(place.deps.home, { recursive: true })).filter((name) => name.endsWith('planned-sweep.json'));

  it('is done once for a plan and its submission', async () => {
    assert.deepEqual((await evaluate()).lines, (await evaluate()).lines);
    assert.equal(evaluated, 1);
  });

  it('is done anew after the submission, when the file changed, elsewhere, and after half an hour', async () => {
    await evaluate();
    await forgetEvaluation(deps);
    await evaluate();
    assert.equal(evaluated, 2);
    await fs.writeFile(tasksPy(), 'draw() # changed\n');
    await evaluate();
    assert.equal(evaluated, 3);
    await evaluate('cluster');
    assert.equal(evaluated, 4);
    place.setNow(place.nowMs() + 31 * 60_000);
    await evaluate('cluster');
    assert.equal(evaluated, 5);
    place.setNow(place.nowMs() - 3_600_000);
    await evaluate('cluster');
    assert.equal(evaluated, 6, 'an evaluation from the future is not believed');
  });

  it('is not taken from a file that is torn or was changed by hand', async () => {
    await evaluate();
    const [name] = await keptFiles();
    const file = path.join(place.deps.home, name ?? '');
    const text = await fs.readFile(file, 'utf8');
    await fs.writeFile(file, text.slice(0, text.length / 2));
    await evaluate();
    assert.equal(evaluated, 2);
    await fs.writeFile(file, (await fs.readFile(file, 'utf8')).replace('\\"trial\\": 2', '\\"trial\\": 7'));
    assert.deepEqual((await evaluate()).lines, ['{"trial": 3}']);
  });

  it('says what to do where there is no sweep yet', async () => {
    await fs.rm(tasksPy());
    await assert.rejects(evaluate(), (error) => HpcError.is(error, 'spec_invalid') && error.details?.finding === 'tasks_py_missing' && error.remediation !== undefined);
  });
});
