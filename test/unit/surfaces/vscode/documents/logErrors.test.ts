import assert from 'node:assert/strict';
import { isErrorLine, lastErrorLine, nextErrorLine } from '../../../../../src/surfaces/vscode/documents/logErrors.ts';
import { sourceMentions, workspaceCandidates } from '../../../../../src/surfaces/vscode/documents/logLinks.ts';

describe('Errors and places in a log (unit)', () => {
  it('finds what programs and schedulers say, and leaves metrics alone', () => {
    for (const line of [
      'ValueError: x is too big: 3',
      'torch.cuda.OutOfMemoryError: CUDA out of memory.',
      'KeyboardInterrupt',
      'KeyError: 3',
      'slurmstepd: error: Detected 1 oom_kill event in StepId=12.0',
      'train.c:40:3: error: expected ;',
      'bash: line 3: jupiter: command not found',
      'Segmentation fault (core dumped)',
      'Killed',
      'slurmstepd: error: *** JOB 12 ON bm1 CANCELLED AT 2026-01-01 DUE TO TIME LIMIT ***',
      '[ERROR] no data',
      "FileNotFoundError: [Errno 2] No such file or directory: 'a.csv'",
    ]) assert.ok(isErrorLine(line), line);
    for (const line of ['epoch 3 error: 0.12', 'mean error 0.3', 'Traceback (most recent call last):', 'MeanSquaredError 0.2', 'MeanSquaredError: 0.25', 'error=1', 'Killed 3 of 4 mutants', '0 errors', 'reading ErrorBars.csv']) assert.equal(isErrorLine(line), false, line);
  });

  it('goes from one to the next and begins again', () => {
    const lines = ['a', 'ValueError: 1', 'b', 'Killed', 'c'];
    assert.deepEqual([nextErrorLine(lines, 0), nextErrorLine(lines, 1), nextErrorLine(lines, 3), lastErrorLine(lines), nextErrorLine(['a'], 0), lastErrorLine([])], [1, 3, 1, 3, undefined, undefined]);
  });

  it('names the places in source that a log mentions', () => {
    const lines = ['  File "/scratch/u/run/lib/train.py", line 12, in main', 'src/solver.f90:40: Warning', 'at 10:30:12 done'];
    assert.deepEqual(sourceMentions(lines), [
      { line: 1, start: 0, end: 17, path: 'src/solver.f90', sourceLine: 40 },
      { line: 0, start: 2, end: 45, path: '/scratch/u/run/lib/train.py', sourceLine: 12 },
    ]);
    assert.deepEqual(workspaceCandidates('/scratch/lib/train.py'), ['scratch/lib/train.py', 'lib/train.py', 'train.py']);
    assert.deepEqual(workspaceCandidates('../../etc/passwd'), []);
  });
});
