/**
 * Names that a parameter must not have: the dispatcher puts every kwarg into the executor's environment in upper case, where
 * `path` would replace PATH. The dispatcher (`_hpc_task.py`) keeps the same list for tasks.py files written by hand.
 */

const reserved = new Set(
  ('HOME PATH PWD OLDPWD SHELL USER LOGNAME LANG LANGUAGE TMPDIR TEMP TMP TERM MAIL IFS ENV BASH_ENV HOSTNAME TASK_ID REPO_DIR ' +
    'RESULT_DIR JOB_ID JOB_NAME CUDA_VISIBLE_DEVICES CONDA_PREFIX VIRTUAL_ENV DISPLAY TZ').split(' '),
);
const prefixes = ['HPC_', 'SLURM_', 'SBATCH_', 'SGE_', 'PBS_', 'OMP_', 'MKL_', 'OPENBLAS_', 'LD_', 'DYLD_', 'LC_', 'PYTHON', 'BASH_FUNC_'];

/** Why the name is refused, as part of a sentence; undefined when it may be used. */
export function reservedReason(name: string): string | undefined {
  const upper = name.toUpperCase();
  if (reserved.has(upper)) return `the variable ${upper} has a meaning of its own`;
  const prefix = prefixes.find((candidate) => upper.startsWith(candidate));
  return prefix === undefined ? undefined : `variables that begin with ${prefix} have a meaning of their own`;
}

const keywords = new Set(
  ('False None True and as assert async await break class continue def del elif else except finally for from global if import in is ' +
    'lambda nonlocal not or pass raise return try while with yield').split(' '),
);

/** Why the name cannot be a Python parameter, as part of a sentence; undefined when it can. */
export function identifierProblem(name: string): string | undefined {
  if (name === '') return 'it is empty';
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return 'it must be letters, digits and underscores, and not begin with a digit';
  if (keywords.has(name)) return 'it is a word of the Python language';
  if (name.startsWith('__')) return 'names that begin with two underscores belong to Python';
  return undefined;
}
