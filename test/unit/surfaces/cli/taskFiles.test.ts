/** What tasks left behind, and the notebook over their results, after a run on this computer. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { makeDesk, type Desk } from './product.ts';

const program = `import json, os

folder = os.environ["RESULT_DIR"]
os.makedirs(os.path.join(folder, "deep"))
json.dump({"loss": float(os.environ["HPC_KW_X"]) ** 2}, open(os.path.join(folder, "metrics.json"), "w"))
open(os.path.join(folder, "deep", "weights.bin"), "wb").write(b"\\0\\1\\2")
open(os.path.join(folder, "history.txt"), "w").write("first line\\n" * 10 + "letzte Zeile: ü\\n")
os.symlink("/etc/passwd", os.path.join(folder, "way-out"))
`;

describe('what tasks left behind (end to end)', function () {
  this.timeout(120_000);
  let desk: Desk;
  let runId: string;
  const data = async <T>(...words: string[]): Promise<T> => {
    const answer = await desk.run(words);
    assert.equal(answer.code, 0, answer.stdout);
    return answer.data<T>();
  };

  before(async () => {
    desk = makeDesk();
    desk.write('work.py', program);
    desk.write('.hpc/tasks.py', 'def total():\n    return 6\n\n\ndef resolve(i):\n    return {"x": [0.1, 1.0, 2.5][i % 3], "kind": ["a", "it\'s \\u00fc"][i // 3]}\n');
    desk.write('submit.json', JSON.stringify({ cluster: 'this-computer', command: 'python3 work.py', result_dir_template: 'out/{run_id}/{kind}/{x}' }));
    runId = (await data<{ run_id: string }>('submit', '--spec', 'submit.json', '--yes')).run_id;
    await data('monitor', runId, '--poll-interval-seconds', '0.2', '--wall-clock-budget-seconds', '60');
  });
  after(() => desk.remove());

  it('a task’s files are listed, wherever its folder’s name comes from', async () => {
    const listed = await data<{ found: boolean; directory: string; more: number; files: { path: string; size_bytes: number }[] }>('task-files', runId, '4');
    assert.match(listed.directory, new RegExp(`/out/${runId}/it's ü/1\\.0$`));
    assert.equal(listed.found, true);
    const names = listed.files.map((file) => file.path);
    for (const name of ['metrics.json', 'history.txt', 'deep/weights.bin']) assert.ok(names.includes(name), names.join(', '));
    assert.equal(listed.files.find((file) => file.path === 'deep/weights.bin')?.size_bytes, 3);
    assert.ok((await data<{ more: number; files: unknown[] }>('task-files', runId, '4', '--limit', '2')).more > 0);
  });

  it('one of them is shown, its end where it is long; what is no text is not', async () => {
    const whole = await data<{ text: string; offset: number; is_text: boolean }>('task-file', runId, '4', 'history.txt');
    assert.equal(whole.text, `${'first line\n'.repeat(10)}letzte Zeile: ü\n`);
    const end = await data<{ text: string; offset: number; size: number }>('task-file', runId, '4', 'history.txt', '--max-bytes', '18');
    assert.equal(end.text, '\nletzte Zeile: ü\n');
    assert.equal(end.offset + 18, end.size);
    assert.deepEqual(await data<{ is_text: boolean; text: string }>('task-file', runId, '4', 'deep/weights.bin').then(({ is_text, text }) => [is_text, text]), [false, '']);
    assert.equal((await data<{ found: boolean }>('task-file', runId, '4', 'none.txt')).found, false);
  });

  it('nothing outside the folder is read, by no way', async () => {
    for (const name of ['../1.0/../../../../work.py', '/etc/passwd', 'way-out', '.']) {
      const found = (await desk.run(['task-file', runId, '4', name])).envelope();
      assert.ok(!found.ok, name);
      assert.match(found.message, /is not in the task's result folder/, name);
    }
    assert.ok(!(await desk.run(['task-files', runId, '6'])).envelope().ok);
  });

  it('a notebook reads the results with Python’s own library alone, and is not written over', async () => {
    const notebook = await data<{ path: string; written: boolean }>('results-notebook', runId);
    assert.equal(notebook.written, true);
    const { cells, nbformat } = JSON.parse(fs.readFileSync(notebook.path, 'utf8')) as { nbformat: number; cells: { cell_type: string; source: string[] }[] };
    assert.equal(nbformat, 4);
    const code = cells.flatMap(({ cell_type, source }) => (cell_type === 'code' ? [source.join('')] : []));
    // As a kernel would run it, with what a bare Python has.
    const script = [`import sys`, `sys.modules["pandas"] = None`, `sys.modules["matplotlib"] = None`, `sys.modules["matplotlib.pyplot"] = None`, ...code, 'import json', 'print(json.dumps([best, effects]))'].join('\n');
    const printed = execFileSync('python3', ['-c', script], { cwd: path.dirname(notebook.path), encoding: 'utf8' });
    const [best, effects] = JSON.parse(printed.trim().split('\n').at(-1) ?? '') as [Record<string, string>[], Record<string, Record<string, number>>];
    assert.deepEqual(best.slice(0, 2).map((row) => [row.x, row.kind]), [['0.1', 'a'], ['0.1', "it's ü"]]);
    assert.deepEqual(Object.keys(effects), ['x', 'kind']);
    assert.equal(effects.x?.['2.5'], 6.25);
    fs.appendFileSync(notebook.path, ' ');
    assert.equal((await data<{ written: boolean }>('results-notebook', runId)).written, false);
  });
});
