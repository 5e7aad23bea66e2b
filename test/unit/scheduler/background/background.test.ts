/** The background dialect's commands and parsers, without its runtime (that is `runtime.test.ts`). */
import assert from 'node:assert/strict';
import { HpcError, type ErrorCode } from '../../../../src/foundation/errors.ts';
import { backgroundDialect as dialect } from '../../../../src/scheduler/background/dialect.ts';
import { dialectFor } from '../../../../src/scheduler/dialects.ts';
import type { CommandOutput, SchedulerTools, SubmitRequest } from '../../../../src/scheduler/port.ts';

const tools: SchedulerTools = { tools: {}, python: '/usr/bin/python3', user: 'me', runtimeDirectory: '/run time/' };
const request: SubmitRequest = { name: 'job-1', comment: 'é', scriptPath: '/s', workdir: '/w', array: { ranges: [{ first: 1, last: 3 }] }, dependencies: [], resources: { walltimeS: 60 }, stdoutPath: '/o', stderrPath: '/e' };
const output = (stdout: string, stderr = '', exitCode: number | null = 0): CommandOutput => ({ stdout, stderr, exitCode });
const fails = (run: () => unknown, code: ErrorCode, words: RegExp, also: (error: HpcError) => boolean = () => true): void =>
  assert.throws(run, (error: unknown) => HpcError.is(error, code) && words.test(error.message) && (error.remediation ?? '') !== '' && also(error));

describe('background dialect', () => {
  it('runs the runtime file apart from the user’s Python settings, with the request as data', () => {
    const { command } = dialect.submit(request, tools);
    assert.deepEqual(command.argv, ['/usr/bin/python3', '-E', '-S', '/run time/hpc_background.py', 'submit']);
    assert.deepEqual((JSON.parse(command.stdin ?? '') as { array: unknown }).array, [[1, 3]]);
    fails(() => dialect.queue({ ...tools, python: undefined }), 'config_invalid', /Python 3\.6/);
  });

  it('reads the id, or the runtime’s own error', () => {
    const submit = dialect.submit(request, tools);
    assert.equal(submit.parse(output('Welcome 12\nhpc-background-job 251122015512\n'), true).jobId, '251122015512');
    fails(() => submit.parse(output('', 'noise\nHPCBG-ERROR {"code": "spec_invalid", "message": "There is no folder /w."}\n', 65), true), 'spec_invalid', /no folder \/w/, ({ details }) => details?.outcome === undefined);
    fails(() => submit.parse(output('', 'HPCBG-ERROR {"code": "remote_command_failed", "message": "The disk is full.", "reason": "disk_full"}\n', 74), true), 'remote_command_failed', /full/, ({ remediation }) => remediation?.includes('Make room') === true);
    const throttled = 'HPCBG-ERROR {"code": "scheduler_throttled", "message": "[Errno 11]"}\n';
    fails(() => submit.parse(output('', throttled, 75), true), 'scheduler_throttled', /Errno 11/);
    assert.ok(submit.throttledPatterns.some((pattern) => new RegExp(pattern).test(throttled)));
    for (const lost of [output('', 'Traceback', 1), output('', '', null), output('hpc-background-job 1\n', '', 1)]) fails(() => submit.parse(lost, true), 'remote_command_failed', /no complete answer/, ({ details }) => details?.outcome === 'unknown');
    fails(() => submit.parse(output('', '', 124), true), 'cluster_timeout', /in time/, ({ retrySafe, details }) => !retrySafe && details?.outcome === 'unknown');
  });

  it('an answer is complete only with its end line', () => {
    const queue = dialect.queue(tools);
    const row = 'HPCBG {"job":"1","name":"n","indices":[[1,2],[5,5]],"state":"pending","reason":"Resources","node":""}\n';
    const end = 'HPCBG {"end":true,"rows":1}\n';
    assert.deepEqual(queue.parse(output(`Welcome\n${row}${end}bye\n`), true).rows, [{ jobId: '1', name: 'n', indices: [{ first: 1, last: 2 }, { first: 5, last: 5 }], state: 'pending', rawState: 'pending', reason: 'Resources', node: '' }]);
    assert.deepEqual(queue.parse(output(end), true).rows, []);
    fails(() => queue.parse(output(row), false), 'remote_command_failed', /complete/);
    fails(() => queue.parse(output(''), false), 'remote_command_failed', /complete/);
    const odd = output(`HPCBG {"job":\nHPCBG {"job":"2","state":"dancing"}\n${row}${end}`);
    assert.deepEqual([queue.parse(odd, false).rows.length, queue.parse(odd, false).malformed.length], [1, 2]);
    assert.throws(() => queue.parse(odd, true), HpcError);
  });

  it('accounting keeps the reason in the raw state', () => {
    const accounting = dialect.accounting(['1'], new Date(), tools);
    const { rows } = accounting?.parse(output('HPCBG {"job":"1","name":"n","comment":"c","node":"h","array":true,"elements":[[1,2,"completed",0,null,1.5,2048,""],[3,9,"node_fail",null,null,null,null,"host rebooted at x"]]}\nHPCBG {"end":true,"rows":1}\n'), true) ?? { rows: [] };
    assert.deepEqual(rows.map(({ indices, state, rawState, exitCode, maxRssMiB }) => [indices?.[0], state, rawState, exitCode, maxRssMiB]), [
      [{ first: 1, last: 2 }, 'completed', 'completed', 0, 2],
      [{ first: 3, last: 9 }, 'node_fail', 'node_fail (host rebooted at x)', null, null],
    ]);
    assert.equal(dialect.accounting([], new Date(), tools), undefined);
  });

  it('is chosen by name, as all are', () => {
    assert.equal(dialectFor('background'), dialect);
    for (const name of ['slurm', 'sge', 'pbs', 'background'] as const) assert.equal(dialectFor(name).name, name);
  });
});
