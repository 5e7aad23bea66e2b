/** Files that were torn, belong to somebody else or to a newer version: named, never read as something else, and never in the way of the others. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { HpcError } from '../../../src/foundation/errors.ts';
import { Journal, repoHash } from '../../../src/runs/journal.ts';
import { listRunStates, viewOfRun } from '../../../src/runs/listRuns.ts';
import { findPrior } from '../../../src/runs/priorRun.ts';
import { listRunIds, readSidecar } from '../../../src/runs/sidecar.ts';
import { openWorkspace, sidecarFile } from '../../../src/runs/workspace.ts';
import { endEvent, makePlace, startEvent, type Place } from './place.ts';

const runId = '20260102-000000-abcdef01';
const otherId = '20260102-000001-abcdef02';

describe('damaged and foreign files of runs (unit)', function () {
  this.timeout(30_000);
  let place: Place;
  beforeEach(async () => {
    place = await makePlace();
    await place.writeRun({ run_id: runId, task_count: 2 }, [{ wave: 0, first: 0, count: 2, jobId: '10' }]);
    await place.writeRun({ run_id: otherId, task_count: 2, cmd_sha: 'd'.repeat(64) }, [{ wave: 0, first: 0, count: 2, jobId: '11' }]);
  });
  afterEach(() => place.dispose());

  const file = (): string => sidecarFile(place.experimentDir, runId);
  const recordFile = (): string => path.join(place.deps.home, 'journal', repoHash(place.experimentDir), 'runs', `${runId}.json`);
  const list = (): ReturnType<typeof listRunStates> => listRunStates({ refresh: false, allWorkspaces: false, limit: 10 }, place.deps, place.call);

  it('a torn sidecar is named with its remedy; the other runs are listed, and prior runs are found without it', async () => {
    const whole = await fs.readFile(file(), 'utf8');
    for (const text of [whole.slice(0, whole.length / 2), '', '[]', '{"sidecar_schema_version": 2}']) {
      await fs.writeFile(file(), text);
      await assert.rejects(readSidecar(place.experimentDir, runId), (error) => HpcError.is(error) && ['journal_corrupt', 'schema_incompat'].includes(error.code) && error.message.includes(runId) && error.remediation !== undefined, text.slice(0, 20));
      const { runs, problems } = await list();
      assert.deepEqual(runs.map(({ sidecar }) => sidecar.run_id), [otherId]);
      assert.equal(problems.length, 1);
      assert.equal((await findPrior('d'.repeat(64), 'bed', place.deps))?.runId, otherId);
      assert.equal(await findPrior('c'.repeat(64), 'bed', place.deps), undefined);
    }
  });

  it('a sidecar of a newer version is refused as such', async () => {
    const value = JSON.parse(await fs.readFile(file(), 'utf8')) as object;
    await fs.writeFile(file(), JSON.stringify({ ...value, sidecar_schema_version: 3 }));
    await assert.rejects(readSidecar(place.experimentDir, runId), (error) => HpcError.is(error, 'schema_incompat'));
  });

  it('keys that we do not know survive, and a run of hpc-agent’s own is left alone', async () => {
    const value = JSON.parse(await fs.readFile(file(), 'utf8')) as { extra: object };
    await fs.writeFile(file(), JSON.stringify({ ...value, campaign: 'winter', extra: { ...value.extra, theirs: 1 } }));
    const sidecar = await readSidecar(place.experimentDir, runId);
    assert.equal((sidecar as { campaign?: unknown } | undefined)?.campaign, 'winter');
    assert.equal(sidecar?.extra?.theirs, 1);
    await fs.writeFile(file(), JSON.stringify({ ...value, extra: {} }));
    assert.equal(await viewOfRun(place.experimentDir, runId, place.deps), undefined);
    assert.deepEqual((await list()).runs.map((run) => run.sidecar.run_id), [otherId]);
  });

  it('temporary files that a crash left are no runs', async () => {
    await fs.writeFile(path.join(path.dirname(file()), `.${runId}.json.123.abcd.tmp`), '{');
    await fs.writeFile(path.join(path.dirname(file()), '20260102-000009-00000000.params.jsonl'), '{}\n');
    assert.deepEqual(await listRunIds(place.experimentDir), [otherId, runId]);
  });

  it('a torn record of the journal is named; without a record the run is read from its sidecar', async () => {
    await fs.writeFile(recordFile(), '{"schema_version": 1, "run');
    await assert.rejects(place.deps.journal.read(place.experimentDir, runId), (error) => HpcError.is(error, 'journal_corrupt') && error.remediation !== undefined);
    await fs.rm(recordFile());
    assert.equal((await viewOfRun(place.experimentDir, runId, place.deps))?.sidecar.run_id, runId);
  });

  it('damaged observations cost a longer answer, not the run', async () => {
    const directory = place.deps.journal.observationDirectory(place.experimentDir, runId);
    await fs.mkdir(path.join(directory, 'events'), { recursive: true });
    await fs.writeFile(path.join(directory, 'facts.json'), '{"observed_at": 5');
    await fs.writeFile(path.join(directory, 'accounting.json'), 'nothing');
    await fs.writeFile(path.join(directory, 'events', 'node1.jsonl'), `${startEvent('10', 0, 1)}\0\0\0\n${endEvent('10', 0, 1)}{"e":"end","i":1,"t`);
    const view = await viewOfRun(place.experimentDir, runId, place.deps);
    assert.equal(view?.counts.complete, 1);
    assert.equal(view.skippedEvents, 1);
  });

  it('two people with one workspace: each has their own record of the same run, and one does not see the other’s as theirs', async () => {
    const second = new Journal(path.join(place.directory, 'second home'));
    const deps = { ...place.deps, journal: second, home: path.join(place.directory, 'second home') };
    assert.equal(await second.read(place.experimentDir, runId), undefined);
    const view = await viewOfRun(place.experimentDir, runId, deps);
    assert.deepEqual(view?.sidecar.job_ids, ['10']);
    assert.equal((await findPrior('c'.repeat(64), 'bed', deps))?.runId, runId);
  });

  it('changes of a record by several processes at once are all kept', async () => {
    await Promise.all(
      Array.from({ length: 12 }, (_, index) => new Journal(place.deps.home).update(place.experimentDir, runId, (record) => ({ ...record, job_ids: [...record.job_ids, `x${index}`] }))),
    );
    const record = await place.deps.journal.read(place.experimentDir, runId);
    assert.equal(new Set(record?.job_ids).size, 13);
  });

  it('a damaged workspace id is an error, not a new workspace', async () => {
    await fs.writeFile(path.join(place.experimentDir, '.hpc', 'workspace.json'), '{"workspace_id": ""}');
    await assert.rejects(openWorkspace(place.experimentDir), (error) => HpcError.is(error, 'config_invalid') && error.remediation !== undefined);
    await fs.rm(path.join(place.experimentDir, '.hpc', 'workspace.json'));
    const ids = await Promise.all([1, 2, 3, 4].map(() => openWorkspace(place.experimentDir)));
    assert.equal(new Set(ids.map(({ id }) => id)).size, 1);
  });
});
