/** The fake PBS held against the verbatim recordings of a real server: what it prints is what the real one printed. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CommandOutput } from '../../../src/scheduler/port.ts';
import { readTextForm } from '../../../src/scheduler/pbs/textForm.ts';
import { readRecording } from '../../unit/scheduler/pbs/recording.ts';
import { startFakePbs, type FakePbs, type PbsControl } from './fakePbs/fakePbs.ts';
import { spawnText } from './place.ts';

const folder = fileURLToPath(new URL('fakePbs/', import.meta.url));

type Attribute = readonly [name: string, resource: string | null, value: string | readonly (readonly [string, string])[]];

/** Jobs of a recorded JSON document as the server sent them, in order; each value as text. */
function recordsOf(document: string): { header: readonly (readonly [string, string])[]; records: readonly (readonly [string, readonly Attribute[]])[] } {
  const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
  const { Jobs = {}, ...header } = JSON.parse(document) as { Jobs?: Record<string, Record<string, unknown>> };
  const records = Object.entries(Jobs).map(([id, attributes]) => {
    const list = Object.entries(attributes).flatMap(([name, value]): Attribute[] => {
      if (typeof value !== 'object' || value === null) return [[name, null, text(value)]];
      const pairs = Object.entries(value).map(([key, item]) => [key, text(item)] as const);
      // Undo what the release does to the variable after an empty one.
      if (name === 'Variable_List') return [[name, null, pairs.flatMap(([key, item]) => (item.startsWith(',') ? [[key, ''] as const, [item.slice(1, item.indexOf('=')), item.slice(item.indexOf('=') + 1)] as const] : [[key, item] as const]))]];
      return pairs.map(([key, item]) => [name, key, item] as const);
    });
    return [id, list] as const;
  });
  return { header: Object.entries(header).map(([key, value]) => [key, text(value)] as const), records };
}

async function render(form: 'json_a' | 'json_b' | 'text_form', value: { header: unknown; records: unknown }): Promise<string> {
  const call = form === 'text_form' ? 'f.text_form(r)' : `f.${form}(v["header"], "Jobs", r)`;
  const program = `import json, sys\nsys.path.insert(0, ${JSON.stringify(folder)})\nsys.dont_write_bytecode = True\nimport pbs_forms as f\nv = json.load(sys.stdin)\nr = v["records"]\nfor _, attributes in r:\n    for attribute in attributes:\n        if isinstance(attribute[2], list):\n            attribute[2] = [tuple(pair) for pair in attribute[2]]\nsys.stdout.buffer.write((${call}).encode("utf-8"))`;
  const output = await spawnText('python3', ['-S', '-E', '-c', program], { stdin: JSON.stringify(value) });
  assert.equal(output.exitCode, 0, output.stderr);
  return output.stdout;
}

const textOf = (records: ReturnType<typeof readTextForm>['records']): unknown =>
  records.map(({ id, attributes }) => [id, [...attributes].map(([name, value]) => [name.split('.')[0], name.includes('.') ? name.slice(name.indexOf('.') + 1) : null, name === 'Variable_List' ? value.split(',').map((pair) => pair.split(/=(.*)/s).slice(0, 2)) : value])]);

describe('the fake PBS prints what the real one printed', function () {
  this.timeout(60_000);
  let pbs: FakePbs | undefined;
  const start = async (control: PbsControl): Promise<FakePbs> => (pbs = await startFakePbs(control));
  afterEach(async () => {
    await pbs?.dispose();
    pbs = undefined;
  });
  const run = (fake: FakePbs, line: string): Promise<CommandOutput> => spawnText('sh', ['-c', `cd "$HOME" && ${line}`], { env: fake.env });

  it('the JSON of the newest clients', async () => {
    for (const name of ['qstat-x-f-json-known-and-unknown', 'qstat-x-f-json-two-ids', 'qstat-t-x-f-json-array-mixed', 'qstat-x-f-json-deleted-17', 'qstat-x-f-json-walltime', 'qstat-x-f-json-dep-afterok-two', 'qstat-f-json-queued-array', 'qstat-x-f-json-name-num', 'qstat-f-json-unknown', 'nohist-array-json']) {
      const { stdout } = readRecording(name);
      assert.equal(await render('json_a', recordsOf(stdout)), stdout, name);
    }
  });

  it('the JSON of the release’s clients, with what it swallows', async () => {
    for (const name of ['release-qstat-x-f-json-two-ids', 'release-qstat-t-x-f-json-array-mixed', 'release-qstat-x-f-json-name-num', 'release-qstat-f-json-unknown']) {
      const { stdout } = readRecording(name);
      assert.equal(await render('json_b', recordsOf(stdout)), stdout.trimEnd(), name);
    }
  });

  it('the text form, folded at the same places', async () => {
    for (const name of ['qstat-x-f-text-two-ids', 'qstat-x-f-env', 'qstat-f-array-mixed-parent']) {
      const { stdout } = readRecording(name);
      assert.equal(await render('text_form', { header: [], records: textOf(readTextForm(stdout, 'Job Id').records) }), stdout, name);
    }
  });

  it('refusals, complaints and exit statuses', async () => {
    const fake = await start({ flavour: 'a', first_id: 40 });
    await writeFile(path.join(fake.home, 'ok.sh'), 'exit 0\n');
    await writeFile(path.join(fake.home, 'arr.sh'), 'exit 0\n');
    assert.equal((await run(fake, 'qsub -h -J 1-10000 arr.sh')).stdout, '40[].pbs01\n');
    for (const name of ['qdel-array-without-brackets', 'qdel-unknown', 'qdel-badid', 'qsub-err-array-one-element', 'qsub-err-array-list', 'qsub-err-array-single', 'qsub-err-array-rerunable-n', 'qsub-err-array-toolarge', 'qsub-err-script-missing', 'qsub-err-name-space', 'qsub-err-name-231', 'qsub-err-unknown-resource', 'qsub-err-bad-walltime', 'qsub-err-bad-mem', 'qsub-err-W', 'server-log-pbs_version']) {
      const real = readRecording(name);
      const { stdout, stderr, exitCode } = await run(fake, real.command);
      assert.deepEqual({ stdout, stderr, exitCode }, { stdout: real.stdout, stderr: real.stderr, exitCode: real.exitCode }, name);
    }
    await fake.set({ max_queued: 10_000 });
    const limited = await run(fake, 'qsub ok.sh');
    assert.deepEqual([limited.stderr, limited.exitCode], [readRecording('qsub-err-maxqueued').stderr, 38]);
    await fake.set({ down: true });
    for (const name of ['down-qdel', 'down-pbsnodes', 'down-qstat-B']) {
      const real = readRecording(name);
      const { stdout, stderr, exitCode } = await run(fake, real.command);
      assert.deepEqual({ stdout, stderr, exitCode }, { stdout: real.stdout, stderr: real.stderr, exitCode: real.exitCode }, name);
    }
  });

  it('an array in the middle: some ended, one failed, some run, some wait, some deleted before they ran', async () => {
    const fake = await start({ flavour: 'a', first_id: 5 });
    await writeFile(path.join(fake.home, 'arr.sh'), 'while [ ! -e "$HOME/go" ] || [ "$PBS_ARRAY_INDEX" -gt 3 ]; do sleep 0.05; done\n[ "$PBS_ARRAY_INDEX" != 3 ] || exit 7\n');
    const submitted = readRecording('array-mixed-submit');
    assert.equal((await run(fake, submitted.command)).stdout, submitted.stdout);
    await writeFile(path.join(fake.home, 'go'), '');
    const table = readRecording('qstat-t-array-mixed');
    for (let tries = 0; tries < 300 && (await run(fake, "qstat -t '5[].pbs01'")).stdout.split(' R workq').length !== 5; tries += 1);
    for (let tries = 0; tries < 300 && !(await run(fake, "qstat -t '5[].pbs01'")).stdout.includes('5[7].pbs01        arr.sh           carol                    0 R'); tries += 1);
    assert.equal((await run(fake, "qdel '5[12].pbs01'")).exitCode, 0);
    assert.equal((await run(fake, readRecording('array-mixed-qdel-range').command)).exitCode, 0);
    const { stdout } = await run(fake, table.command);
    assert.equal(stdout, table.stdout);
    const plain = (text: string): string =>
      text
        .replaceAll(fake.home, '/home/carol')
        .replace(/"PBS_O_PATH":\t"[^"]*"/g, '"PBS_O_PATH":\t"PATH"')
        .replace(/[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d( at)? \d\d:\d\d(:\d\d \d{4})?/g, 'TIME')
        .replace(/"(\d+)kb"/g, '"kb"')
        .replace(/("(timestamp|history_timestamp|session_id)":\t)\d+/g, '$10')
        .replace(/("cput":\t"[^"]*",[\s\S]*?"walltime":\t)"[^"]*"/g, '$1"used"')
        // Which cores an element gets depends on which of those before it ended first.
        .replace(/("exec_host":\t"pbs01\/)\d+/g, '$1N')
        // The recorded one was between two states when it was asked.
        .replace(/"substate":\t4[12]/g, '"substate":\t42');
    const real = readRecording('qstat-t-x-f-json-array-mixed');
    // A session is known a moment after the start.
    const jobs = (text: string): string => plain(text).replace(/\n\t\t\t"(session_id|jobdir)":[^\n]*/g, '');
    assert.equal(jobs((await run(fake, real.command)).stdout), jobs(real.stdout));
    const parent = readRecording('qstat-f-array-mixed-parent');
    const lines = (text: string): string[] => plain(text).split('\n').filter((line) => /^ {4}(array|job_state|substate|comment|Exit|stime)/.test(line));
    assert.deepEqual(lines((await run(fake, parent.command)).stdout), lines(parent.stdout));
  });
});
