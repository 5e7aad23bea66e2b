import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { HpcError } from '../../../../src/foundation/errors.ts';
import { loadCatalogue } from '../../../../src/operations/catalogue.ts';
import { flagOf, parseArguments, valueOf } from '../../../../src/surfaces/cli/arguments.ts';

const catalogue = await loadCatalogue();

function parse(verb: string, ...words: string[]): ReturnType<typeof parseArguments> {
  const operation = catalogue.find(({ name }) => name === verb);
  assert.ok(operation);
  return parseArguments(verb, words, operation.inputSchema(), operation.positional);
}
const inputOf = (verb: string, ...words: string[]): unknown => parse(verb, ...words).input;
const refuses = (message: RegExp, verb: string, ...words: string[]): void =>
  assert.throws(() => parse(verb, ...words), (error: unknown) => HpcError.is(error, 'spec_invalid') && message.test(error.message) && (error.remediation ?? '').includes('--help'));

describe('the command line’s arguments', () => {
  it('puts words in the places of the verb, and flags by the keys of its input', () => {
    assert.deepEqual(inputOf('logs', 'run-1', '3', '--stream', 'stderr', '--max-bytes=10'), { run_id: 'run-1', task_id: 3, stream: 'stderr', max_bytes: 10 });
  });

  it('a word never takes the place of what a flag has said', () => {
    refuses(/60/, 'job-run', '--cluster', 'bed', '--command', 'true', '--wait', '60');
    assert.deepEqual(inputOf('adopt-job', '--cluster', 'bed', '80'), { cluster: 'bed', job_id: '80' });
  });

  it('names the part of a flag that was meant', () => refuses(/no flag --walltime; there is --resources\.walltime/, 'submit', '--walltime', '1m'));

  it('keeps text that a list’s own reader understands', () => {
    assert.deepEqual(inputOf('build-tasks-py', '--executors', 'a.py', '--axes.alpha', 'logspace(1e-4,1,5)', '--axes.horizon', '1,5,25', '--axes.seed', '[1, 2]'), {
      executors: ['a.py'],
      axes: { alpha: 'logspace(1e-4,1,5)', horizon: '1,5,25', seed: [1, 2] },
    });
  });

  it('reads lists, ranges of tasks, and repeated flags', () => {
    assert.deepEqual(inputOf('cancel', 'r', '--task-ids', '3-5,9', '--task-ids', '12'), { run_id: 'r', task_ids: [3, 4, 5, 9, 12] });
    assert.deepEqual(inputOf('build-tasks-py', '--executors', 'a.py,b.py'), { executors: ['a.py', 'b.py'] });
    assert.deepEqual(inputOf('build-tasks-py', '--executors', '["a, b.py"]'), { executors: ['a, b.py'] });
  });

  it('reads parts of objects, with the user’s own names as they are', () => {
    assert.deepEqual(inputOf('plan', '--resources.cpus', '4', '--resources.memory', '4G', '--resources.walltime', '90', '--resources.gpu-type', 'a100', '--env.MY-NAME', '5'), { resources: { cpus: 4, memory: '4G', walltime: 90, gpu_type: 'a100' }, env: { 'MY-NAME': '5' } });
    assert.deepEqual(inputOf('build-tasks-py', '--executors', 'a.py', '--fixed.learning-rate', '0.5', '--fixed.name', 'x', '--fixed.flag', 'true', '--fixed.none', 'null', '--fixed.text', '"5"', '--fixed.code', '007'), {
      executors: ['a.py'],
      fixed: { 'learning-rate': 0.5, name: 'x', flag: true, none: null, text: '5', code: '007' },
    });
  });

  it('reads switches in each form', () => {
    assert.deepEqual(inputOf('status', 'r', '--refresh'), { run_id: 'r', refresh: true });
    assert.deepEqual(inputOf('status', 'r', '--no-refresh'), { run_id: 'r', refresh: false });
    for (const words of [['--no-refresh', 'r'], ['--refresh=false', 'r'], ['--refresh', 'false', 'r'], ['--no-refresh', 'true', 'r']]) assert.deepEqual(inputOf('status', ...words), { run_id: 'r', refresh: false });
    refuses(/--refresh is "maybe"; it can be true or false/, 'status', 'r', '--refresh=maybe');
    assert.deepEqual(inputOf('status', 'r', '--refresh=false'), { run_id: 'r', refresh: false });
  });

  it('takes everything after -- as words', () => {
    assert.deepEqual(inputOf('status', '--', '--human'), { run_id: '--human' });
    refuses(/one word too many/, 'status', 'r', '--', '-h');
  });

  it('takes a program and its arguments after -- as one command; a single word is a shell command', () => {
    assert.deepEqual(inputOf('reservation-exec', 'n1', '--human', '--', 'python3', '-c', "print('a b')", '--yes'), { name: 'n1', command: `python3 -c 'print('\\''a b'\\'')' --yes` });
    assert.deepEqual(inputOf('reservation-exec', '--', 'n1', 'ls', '*.py'), { name: 'n1', command: "ls '*.py'" });
    assert.deepEqual(inputOf('job-run', '--cluster', 'c', '--', 'ls *.py | wc -l'), { cluster: 'c', command: 'ls *.py | wc -l' });
    refuses(/one word too many/, 'reservation-exec', 'n1', 'ls', '--', '-l');
  });

  it('tells the flags that every verb has from its own', () => {
    assert.deepEqual(parse('status', 'r', '--human', '--yes', '--experiment-dir', '/w', '--spec', '-', '--log-level', 'debug').flags, { experimentDir: '/w', spec: '-', human: true, raw: false, yes: true, help: false, logLevel: 'debug' });
  });

  it('refuses what it does not know, in words', () => {
    refuses(/no flag --nonsense/, 'status', 'r', '--nonsense');
    refuses(/no flag --constructor/, 'status', 'r', '--constructor', 'x');
    refuses(/no flag --no-run-id/, 'status', '--no-run-id');
    refuses(/--run-id needs a value/, 'status', '--run-id');
    refuses(/log-level is "loud"/, 'status', 'r', '--log-level', 'loud');
    refuses(/one word too many/, 'status', 'r', 's');
    refuses(/as a whole and in parts/, 'build-tasks-py', '--task-generator', 'x', '--task-generator.kind', 'enumerated');
    refuses(/__proto__/, 'build-tasks-py', '--axes.__proto__', '1');
  });

  it('has a flag for every input of every verb, none of them hidden by a general one', () => {
    const general = new Set(['--help', '--human', '--json', '--yes', '--experiment-dir', '--spec', '--log-level']);
    for (const operation of catalogue) {
      for (const [key, schema] of Object.entries(operation.inputSchema().properties ?? {})) {
        assert.match(key, /^[a-z][a-z0-9_]*$/);
        assert.ok(!general.has(flagOf(key)), `${operation.name} ${key}`);
        if (schema.type === 'string') assert.deepEqual(parseArguments(operation.name, [flagOf(key), 'x'], operation.inputSchema(), []).input, { [key]: 'x' });
      }
    }
  });

  it('never changes a text, and reads every number where both are welcome', () => {
    fc.assert(fc.property(fc.string(), (text) => valueOf(text, { type: 'string' }) === text));
    fc.assert(fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => Object.is(valueOf(JSON.stringify(value), { anyOf: [{ type: 'string' }, { type: 'number' }] }), JSON.parse(JSON.stringify(value)))));
  });
});
