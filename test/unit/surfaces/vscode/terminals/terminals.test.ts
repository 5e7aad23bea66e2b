import assert from 'node:assert/strict';
import { notebookAddress } from '../../../../../src/surfaces/vscode/terminals/notebookAddress.ts';
import { parseTaskDefinition, taskName, terminalLines } from '../../../../../src/surfaces/vscode/terminals/taskDefinition.ts';

describe('Terminals and tasks (unit)', () => {
  it('find where a notebook listens, with its token, whatever surrounds it', () => {
    const printed = '[I ServerApp] Serving from \u001b[1m/home/u\u001b[0m\r\n    http://bm022:41233/lab?token=0a1b2c\r\n     or http://127.0.0.1:41233/lab?token=0a1b2c\r\n';
    assert.deepEqual(notebookAddress(printed), { port: 41233, path: '/lab?token=0a1b2c' });
    assert.deepEqual(notebookAddress('https://[::1]:8888/tree?x=1&token=ff\n'), { port: 8888, path: '/tree?x=1&token=ff' });
    for (const none of ['', 'http://bm022:41233/lab', 'see https://example.org/docs?token=1', 'http://bm022:41233/lab?tok', 'http://bm022:41233/lab?token=0a']) assert.equal(notebookAddress(none), undefined, none);
  });

  it('take from tasks.json only what is ours and whole', () => {
    assert.deepEqual(parseTaskDefinition({ type: 'hpc-agent', verb: 'plan', cluster: 'bed' }), { type: 'hpc-agent', verb: 'plan', cluster: 'bed' });
    for (const wrong of [undefined, {}, { type: 'npm', verb: 'plan', cluster: 'b' }, { type: 'hpc-agent', verb: 'rm', cluster: 'b' }, { type: 'hpc-agent', verb: 'plan' }, { type: 'hpc-agent', verb: 'plan', cluster: '' }]) assert.equal(parseTaskDefinition(wrong), undefined);
    assert.equal(taskName({ verb: 'canary', cluster: 'bed' }), 'canary, then submit on bed');
  });

  it('print nothing that steers the terminal', () => {
    assert.equal(terminalLines('a\u001b[2Jb\nc'), 'a [2Jb\r\nc\r\n');
  });
});
