import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { CancelledError } from '../../../src/foundation/abort.ts';
import { discoverExecutors } from '../../../src/executors/discover.ts';
import { discoverPython } from '../../../src/executors/discoverPython.ts';
import { discoverShell } from '../../../src/executors/discoverShell.ts';
import type { Executor, ExecutorFlag } from '../../../src/executors/executor.ts';

async function parseAll(text: string): Promise<readonly Executor[]> {
  return (await discoverPython('executors/x.py', text, { scriptFolder: true })).executors;
}

async function parse(text: string): Promise<Executor> {
  const [executor, ...others] = await parseAll(text);
  assert.ok(executor);
  assert.deepEqual(others, []);
  return executor;
}

/** Options of each subcommand: the script's own in brackets. */
const spelled = (executors: readonly Executor[]): unknown => Object.fromEntries(executors.map(({ subcommand, flags }) => [subcommand, flags.map((flag) => (flag.beforeSubcommand ? `(${flag.option ?? flag.name})` : (flag.option ?? flag.name))).join(' ')]));

/** The fields that matter, without help and places. */
function brief(flag: ExecutorFlag): unknown[] {
  return [flag.name, flag.option ?? null, flag.type, flag.computedDefault ? '<computed>' : (flag.default ?? null), ...(flag.isSwitch ? ['switch'] : []), ...(flag.required ? ['required'] : []), ...(flag.choices ? [flag.choices] : []), ...(flag.nargs ? [`nargs ${flag.nargs}`] : []), ...(flag.negativeOption ? [flag.negativeOption] : []), ...(flag.repeats ? ['repeats'] : [])];
}

describe('discovery of Python executors', () => {
  it('argparse: spellings, types, defaults by name, choices, switches, positionals, several lines', async () => {
    const executor = await parse(`#!/usr/bin/env python3
"""Ridge regression on the series.

More words.
"""
import argparse, json as j
from sklearn.linear_model import Ridge
from . import common

ALPHA = 0.5
MODELS = ["ridge", 'lasso']
HOME = f"/data/{__name__}"

def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "-a", "--alpha",   # strength
        type=float,
        default=ALPHA,
        help="Strength of "
             "the penalty",
    )
    parser.add_argument("--n-estimators", type=int, default=1_000)
    parser.add_argument("--size", type=int, default=64 * 1024)
    parser.add_argument("--low", type=float, default=-1e-3)
    parser.add_argument("--model", choices=MODELS, required=True)
    parser.add_argument("--depth", type=int, choices=range(1, 4))
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--no-scale", dest="scale", action="store_false")
    parser.add_argument("--shuffle", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--layers", type=int, nargs="+", default=[16, 8])
    parser.add_argument("--tag", action="append")
    parser.add_argument("--data", default=f"{HOME}/x.csv")
    parser.add_argument("--out", type=Path, default=os.environ.get("OUT"))
    parser.add_argument("--when", type=lambda s: s, default='it\\'s')
    parser.add_argument("-q")
    parser.add_argument("input")
    parser.add_argument("rest", nargs="*")
    parser.add_argument("--version", action="version")
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--fast", action="store_true", default=False)
    args = parser.parse_args()

if __name__ == "__main__":
    main()
`);
    assert.equal(executor.kind, 'argparse');
    assert.equal(executor.summary, 'Ridge regression on the series.');
    assert.equal(executor.module, 'executors.x');
    assert.deepEqual(executor.imports, ['.', 'argparse', 'json', 'sklearn']);
    assert.ok(executor.hasMainGuard && !executor.hasComputeFunction);
    assert.deepEqual(executor.flags.map(brief), [
      ['alpha', '--alpha', 'float', 0.5],
      ['n_estimators', '--n-estimators', 'int', 1000],
      ['size', '--size', 'int', 65536],
      ['low', '--low', 'float', -0.001],
      ['model', '--model', 'str', null, 'required', ['ridge', 'lasso']],
      ['depth', '--depth', 'int', null, [1, 2, 3]],
      ['verbose', '--verbose', 'bool', false, 'switch'],
      ['scale', null, 'bool', true, 'switch', '--no-scale'],
      ['shuffle', '--shuffle', 'bool', true, 'switch', '--no-shuffle'],
      ['layers', '--layers', 'int', [16, 8], 'nargs +'],
      ['tag', '--tag', 'str', null, 'repeats'],
      ['data', '--data', 'str', '<computed>'],
      ['out', '--out', 'path', '<computed>'],
      ['when', '--when', 'unknown', "it's"],
      ['q', '-q', 'str', null],
      ['input', null, 'str', null, 'required'],
      ['rest', null, 'str', null, 'nargs *'],
      ['fast', '--fast', 'bool', false, 'switch'],
    ]);
    assert.equal(executor.flags[0]?.help, 'Strength of the penalty');
    assert.deepEqual(executor.flags[0]?.aliases, ['-a', '--alpha']);
    assert.equal(executor.flags[0]?.line, 16);
  });

  it('argparse: helpers in the file count; parents, foreign helpers and computed names are noted; subcommands stand apart', async () => {
    const executor = await parse(`
import argparse
from common import add_common, base

def add_model(p):
    p.add_argument("--alpha", type=float)

parent = argparse.ArgumentParser(add_help=False)
parent.add_argument("--seed", type=int, default=0)
parser = argparse.ArgumentParser(parents=[parent, base])
add_model(parser)
add_common(parser)
for name in ("x", "y"):
    parser.add_argument("--" + name)
opts = dict(type=int)
parser.add_argument("--k", **opts)
sub = parser.add_subparsers(dest="command")
fit = sub.add_parser("fit")
fit.add_argument("--epochs", type=int, default=3)
ARGS = parser.parse_args()
`);
    assert.equal(executor.path, 'executors/x.py fit');
    assert.equal(executor.subcommand, 'fit');
    assert.deepEqual(executor.flags.map((flag) => [flag.name, flag.beforeSubcommand ?? false]), [['alpha', true], ['seed', true], ['k', true], ['epochs', false]]);
    assert.equal(executor.notes.length, 4);
    assert.match(executor.notes.join('\n'), /parent parser from elsewhere[\s\S]*add_common\(\) may add flags[\s\S]*name is computed|name is computed[\s\S]*add_common/);
  });

  it('argparse: every subcommand gets what is its own, by variables used again, groups, parents and helpers', async () => {
    assert.deepEqual(spelled(await parseAll(`
import argparse

def common(p, n):
    p.add_argument("--seed", type=int)

def build():
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--data")
    top = argparse.ArgumentParser()
    top.add_argument("-v", "--verbose", action="store_true")
    sub = top.add_subparsers(dest="cmd", required=True)
    p = sub.add_parser("train", parents=[shared], help="fits")
    p.add_argument("--lr", type=float)
    group = p.add_argument_group("more")
    group.add_argument("--momentum", type=float)
    common(p, 1)
    p = sub.add_parser("eval")
    p.add_argument("ckpt")
    common(p, 2)
    sub.add_parser("clean")
    return top

if __name__ == "__main__":
    build().parse_args()
`)), { train: '(--verbose) --seed --data --lr --momentum', eval: '(--verbose) --seed ckpt', clean: '(--verbose)' });
  });

  it('click: a group makes even one command a subcommand, with the group’s options before it', async () => {
    assert.deepEqual(spelled(await parseAll('import click\n@click.group()\n@click.option("--debug/--no-debug")\ndef cli(debug): ...\n@cli.command()\n@click.option("--k", type=int)\ndef fit_it(k): ...\nif __name__ == "__main__":\n    cli()\n')), { 'fit-it': '(--debug) --k' });
  });

  it('click', async () => {
    const executor = await parse(`
import click

@click.command()
@click.option("--alpha", "-a", "strength", type=float, default=1.0, show_default=True, help="Strength")
@click.option("-n", "--n-iter", default=10)
@click.option("--shuffle/--no-shuffle", default=True)
@click.option("--fast", is_flag=True)
@click.option("--mode", type=click.Choice(["a", "b"]), required=True)
@click.option("--k", type=click.IntRange(1, 5), multiple=True)
@click.argument("source", type=click.Path())
def cli(strength, n_iter, shuffle, fast, mode, k, source):
    """Doc."""

if "__main__" == __name__:
    cli()
`);
    assert.equal(executor.kind, 'click');
    assert.deepEqual(executor.flags.map(brief), [
      ['strength', '--alpha', 'float', 1],
      ['n_iter', '--n-iter', 'int', 10],
      ['shuffle', '--shuffle', 'bool', true, 'switch', '--no-shuffle'],
      ['fast', '--fast', 'bool', false, 'switch'],
      ['mode', '--mode', 'str', null, 'required', ['a', 'b']],
      ['k', '--k', 'int', null, 'repeats'],
      ['source', null, 'path', null, 'required'],
    ]);
  });

  it('typer: annotations, Option and Argument, Annotated, switches', async () => {
    const executor = await parse(`
import typer
from typing import Annotated, List, Optional

def main(
    source: str,
    alpha: float = 0.1,
    n_iter: int = typer.Option(10, "--iter", "-i", help="Rounds"),
    shuffle: bool = True,
    fast: bool = typer.Option(False, "--fast/--slow"),
    name: Annotated[Optional[str], typer.Option(help="Name")] = None,
    where: str = typer.Argument("here"),
    need: int = typer.Option(...),
    tags: List[str] = [],
):
    pass

if __name__ == "__main__":
    typer.run(main)
`);
    assert.equal(executor.kind, 'typer');
    assert.deepEqual(executor.flags.map(brief), [
      ['source', null, 'str', null, 'required'],
      ['alpha', '--alpha', 'float', 0.1],
      ['n_iter', '--iter', 'int', 10],
      ['shuffle', '--shuffle', 'bool', true, 'switch', '--no-shuffle'],
      ['fast', '--fast', 'bool', false, 'switch', '--slow'],
      ['name', '--name', 'str', null],
      ['where', null, 'str', 'here'],
      ['need', '--need', 'int', null, 'required'],
      ['tags', '--tags', 'str', [], 'repeats'],
    ]);
    const several = await parseAll('import typer\napp = typer.Typer()\n@app.command()\ndef fit(a: int = 1): ...\n@app.command("run-it")\ndef run(b: str = "x"): ...\napp()\n');
    assert.deepEqual(several.map(({ path, flags }) => [path, flags[0]?.option]), [['executors/x.py fit', '--a'], ['executors/x.py run-it', '--b']]);
    const only = await parseAll('import typer\napp = typer.Typer()\n@app.callback()\ndef common(verbose: bool = False): ...\n@app.command()\ndef fit(a: int = 1): ...\napp()\n');
    assert.deepEqual(spelled(only), { fit: '(--verbose) --a' });
  });

  it('compute(args) with FLAGS of its own or of .hpc/tasks.py', async () => {
    const own = await parse('FLAGS = [flag("alpha", float, default=1.0), {"name": "k_max", "type": int}, *generic_args()]\ndef compute(args):\n    pass\n');
    assert.equal(own.kind, 'compute');
    assert.deepEqual(own.flags.map(brief), [['alpha', '--alpha', 'float', 1], ['k_max', '--k-max', 'int', null]]);
  });

  it('leaves libraries out, and keeps what can be understood of a broken file', async () => {
    assert.deepEqual((await discoverPython('src/lib.py', 'import x\nA = 1\ndef f(): ...\n', { scriptFolder: false })).executors, []);
    assert.deepEqual((await discoverPython('src/lib.py', 'print(1)\n', { scriptFolder: false })).executors, []);
    const broken = await discoverPython('a.py', 'import argparse\np = argparse.ArgumentParser()\np.add_argument("--a")\np.parse_args()\ndef (:\n', { scriptFolder: true });
    assert.equal(broken.syntaxErrorLine, 5);
    assert.equal(broken.executors[0]?.flags.length, 1);
    const newer = await discoverPython('a.py', 'match x:\n    case {"a": 1}:\n        pass\nif (n := 3) > 2: print(n)\nasync def f[T](a: T, /, *, b): ...\ntype A = int\nprint(f"{x!r:>{10}}")\n', { scriptFolder: true });
    assert.equal(newer.syntaxErrorLine, undefined);
  });
});

describe('discovery of shell scripts', () => {
  it('reads Slurm directives until the first command', () => {
    const { resources, summary } = discoverShell('a.sh', '#!/bin/bash\n# Fit it.\n#SBATCH --cpus-per-task=8 --mem 16G\n#SBATCH -t 1-02:00:00 # a day\n#SBATCH --gres=gpu:a100:2\n#SBATCH -p gpu\n#SBATCH --array=1-10%4\n#SBATCH --mail-type=END\n\nsrun python x.py\n#SBATCH --mem=1G\n');
    assert.equal(summary, 'Fit it.');
    assert.deepEqual(resources, { scheduler: 'slurm', other: ['--mail-type=END'], cpus: 8, memoryMiB: 16384, walltimeS: 93600, gpus: 2, gpuType: 'a100', partition: 'gpu', array: '1-10%4' });
  });
  it('reads Grid Engine and PBS directives', () => {
    assert.deepEqual(discoverShell('a.sh', '#$ -cwd -V\n#$ -l h_rt=02:30:00,h_data=4G,gpu=1\n#$ -pe shared 4\n#$ -N fit\n').resources, { scheduler: 'sge', other: ['-cwd', '-V'], walltimeS: 9000, memoryMiB: 16_384, gpus: 1, cpus: 4, jobName: 'fit' });
    assert.equal(discoverShell('a.sh', '#SBATCH --mem-per-cpu=2G\n#SBATCH -c 8\n').resources?.memoryMiB, 16_384);
    assert.equal(discoverShell('a.sh', '#SBATCH --cpus-per-task=$N\n').resources?.cpus, undefined);
    assert.deepEqual(discoverShell('a.pbs', '#PBS -l select=2:ncpus=8:mem=16gb:ngpus=1,walltime=01:00:00\n#PBS -q workq\n#PBS -j oe\n').resources, { scheduler: 'pbs', other: ['-j oe'], nodes: 2, cpus: 8, memoryMiB: 16384, gpus: 1, walltimeS: 3600, partition: 'workq' });
  });
});

describe('discovery in a workspace', () => {
  let directory: string;
  const write = (name: string, text: string | Uint8Array): void => {
    fs.mkdirSync(path.dirname(path.join(directory, name)), { recursive: true });
    fs.writeFileSync(path.join(directory, name), text);
  };
  const guard = 'if __name__ == "__main__":\n    pass\n';
  beforeEach(() => (directory = fs.mkdtempSync(path.join(os.tmpdir(), 'hpc discover '))));
  afterEach(() => fs.rmSync(directory, { recursive: true, force: true }));
  const signal = new AbortController().signal;

  it('looks in executors, scripts, src, then the root; nothing can fail the whole', async () => {
    for (const name of ['z.py', 'src/deep/m.py', 'scripts/s.py', 'executors/e.py', 'executors/a b;$(x).py', 'executors/é.py']) write(name, guard);
    for (const name of ['executors/__init__.py', 'executors/_hpc_dispatch.py', '.venv/x.py', 'src/__pycache__/x.py', 'other/x.py', 'executors/.hidden.py', 'src/test_x.py']) write(name, guard);
    write('scripts/job.slurm', '#SBATCH -c 2\n');
    write('executors/huge.py', '#'.repeat(2_000_000));
    write('executors/binary.py', new Uint8Array([1, 0, 2]));
    write('executors/latin.py', new Uint8Array([0x23, 0xe9, 0x0a]));
    write('executors/broken.py', 'def (\n');
    fs.symlinkSync(directory, path.join(directory, 'src', 'loop'));
    fs.symlinkSync('/nowhere/x.py', path.join(directory, 'src', 'dangling.py'));
    fs.mkdirSync(path.join(directory, 'executors', 'folder.py'));
    const { executors, problems } = await discoverExecutors(directory, { signal });
    assert.deepEqual(executors.map((executor) => executor.path), ['executors/a b;$(x).py', 'executors/e.py', 'executors/é.py', 'scripts/job.slurm', 'scripts/s.py', 'src/deep/m.py', 'z.py']);
    assert.deepEqual(problems.map((problem) => problem.path), ['executors/binary.py', 'executors/broken.py', 'executors/huge.py', 'executors/latin.py', 'src/dangling.py']);
    assert.match(problems.map((problem) => problem.message).join('\n'), /NUL bytes[\s\S]*Syntax error in line 1[\s\S]*Too large[\s\S]*Not UTF-8[\s\S]*ENOENT/);
    assert.equal(executors[0]?.module, undefined);
  });

  it('searches named folders only inside the workspace, and stops when told', async () => {
    write('mine/x.py', guard);
    const found = await discoverExecutors(directory, { signal, searchDirs: ['mine', '../other'] });
    assert.deepEqual(found.executors.map((executor) => executor.path), ['mine/x.py']);
    assert.deepEqual(found.problems.map((problem) => problem.message), ['Not in the workspace.']);
    await assert.rejects(discoverExecutors(directory, { signal: AbortSignal.abort() }), CancelledError);
  });

  it('gives compute(args) the flags of tasks.py', async () => {
    write('src/ridge.py', 'def compute(args): ...\n');
    write('.hpc/tasks.py', 'COMMON = [flag("seed", int, default=1)]\nFLAGS: dict = {"src.ridge": [flag("alpha", float, default=0.5)], "src.other": COMMON}\n');
    const [executor] = (await discoverExecutors(directory, { signal })).executors;
    assert.deepEqual(executor?.flags.map(brief), [['alpha', '--alpha', 'float', 0.5]]);
  });
});
