import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { Journal } from '../../../src/runs/journal.ts';
import { claimNotices } from '../../../src/runs/notices.ts';
import { childProgram } from '../../childProgram.ts';

describe('claiming what is told (unit)', function () {
  this.timeout(60_000);
  let home: string;
  beforeEach(() => {
    home = fs.mkdtempSync(path.join(os.tmpdir(), 'hpc-notices-'));
  });
  afterEach(() => fs.rmSync(home, { recursive: true }));

  it('gives each event to one of several processes', async () => {
    const program = await childProgram(path.join(import.meta.dirname, 'children', 'claimNotice.ts'));
    const told = await Promise.all(
      Array.from({ length: 3 }, async () => {
        const child = spawn(process.execPath, [program, home, '12'], { stdio: ['ignore', 'pipe', 'inherit'] });
        let text = '';
        child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
        await new Promise((resolve) => child.once('close', resolve));
        return text.split('\n').filter((line) => line !== '');
      }),
    );
    assert.deepEqual(told.flat().sort(), Array.from({ length: 12 }, (_, event) => `event-${event}`).sort());
  });

  it('tells nothing of a run that nobody saw while it was open', async () => {
    const journal = new Journal(home);
    const claim = { experimentDir: '/work', runId: 'r', isOpen: false, events: ['ended'] };
    assert.deepEqual(await claimNotices(claim, journal, new Date()), []);
    await claimNotices({ ...claim, isOpen: true, events: [] }, journal, new Date());
    assert.deepEqual(await claimNotices(claim, journal, new Date()), ['ended']);
    assert.deepEqual(await claimNotices(claim, journal, new Date()), [], 'and after a restart');
  });
});
