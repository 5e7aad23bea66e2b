/** Runs by id, by name and by the beginning of an id. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import * as z from 'zod/mini';
import { defineOperation, type OperationContext } from '../../../src/operations/operation.ts';
import { runIdMeantBy } from '../../../src/operations/runReference.ts';

describe('The run that is meant (unit)', () => {
  let folder: string;

  const write = (id: string, name?: string): void => {
    const submission = { token: '0', run_name: name, workspace_id: 'w', scheduler: 'slurm', state_dir: '/s', arrays: [], combiners: [], max_concurrent: null, env: {}, logs: {} };
    const sidecar = { sidecar_schema_version: 2, run_id: id, cmd_sha: 'c', submitted_at: '2026-03-01T12:00:00Z', executor: 'true', result_dir_template: 'r', task_count: 1, ...(name === undefined ? {} : { extra: { submission } }) };
    fs.writeFileSync(path.join(folder, '.hpc', 'runs', `${id}.json`), JSON.stringify(sidecar));
  };

  before(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hpc-agent-meant-'));
    fs.mkdirSync(path.join(folder, '.hpc', 'runs'), { recursive: true });
    write('20260301-120000-aaaaaaaa', 'ridge');
    write('20260302-120000-bbbbbbbb', 'ridge');
    write('20260303-120000-cccccccc', 'lasso');
    // Its name is another run's id.
    write('20260304-120000-dddddddd', '20260301-120000-aaaaaaaa');
    write('ours-1234abcd');
    fs.writeFileSync(path.join(folder, '.hpc', 'runs', 'torn-00000000.json'), '{"run');
  });

  after(() => fs.rmSync(folder, { recursive: true, force: true }));

  it('is the one with that id, that name, or that beginning', async () => {
    for (const [word, id] of [
      ['20260301-120000-aaaaaaaa', '20260301-120000-aaaaaaaa'],
      ['lasso', '20260303-120000-cccccccc'],
      ['20260303', '20260303-120000-cccccccc'],
      ['ours-123', 'ours-1234abcd'],
      ['torn-0000', 'torn-00000000'],
      // Too short, and unknown: the operation says that there is none.
      ['2026030', '2026030'],
      ['elastic-net', 'elastic-net'],
    ] as const) assert.equal(await runIdMeantBy(word, folder), id);
  });

  it('is never guessed', async () => {
    await assert.rejects(runIdMeantBy('ridge', folder), { code: 'spec_invalid', message: '2 runs are called ridge: 20260302-120000-bbbbbbbb, 20260301-120000-aaaaaaaa (newest first).' });
write('20260303-130000-eeeeeeee', 'other');
    await assert.rejects(runIdMeantBy('20260303', folder), { code: 'spec_invalid', message: '2 runs begin with 20260303: 20260303-130000-eeeeeeee, 20260303-120000-cccccccc (newest first).' });
    fs.rmSync(path.join(folder, '.hpc', 'runs', '20260303-130000-eeeeeeee.json'));
  });

  it('is what every operation gets that takes one, to confirm and to do', async () => {
    const seen: unknown[] = [];
    const operation = defineOperation({
      name: 'look', kind: 'mutate', summary: '', guidance: '', idempotent: true, tool: false,
      input: z.strictObject({ run_id: z.string(), resume: z.optional(z.string()), task: z.number() }),
      output: z.object({}),
      confirm: (input) => {
        seen.push(input);
        return Promise.resolve(undefined);
      },
      run: (input) => {
        seen.push(input);
        return Promise.resolve({});
      },
    });
    const context = { experimentDir: folder } as unknown as OperationContext;
    await operation.confirmation({ run_id: 'lasso', task: 1 }, context);
    await operation.invoke({ run_id: 'lasso', resume: '20260303', task: 1 }, context);
    assert.deepEqual(seen, [{ run_id: '20260303-120000-cccccccc', task: 1 }, { run_id: '20260303-120000-cccccccc', resume: '20260303-120000-cccccccc', task: 1 }]);
  });
});
