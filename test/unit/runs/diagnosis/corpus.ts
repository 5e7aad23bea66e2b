/** Ends of logs as programs and schedulers really leave them, with what each means, and near misses. Paths below `@root` are the run's own. */
import type { AccountingRow } from '../../../../src/scheduler/port.ts';
import type { TaskEvent } from '../../../../src/runs/taskEvents.ts';
import type { FailureClass } from '../../../../src/runs/diagnosis/failureClass.ts';
import type { Certainty } from '../../../../src/runs/diagnosis/verdict.ts';

export interface Case {
  readonly name: string;
  readonly err?: string;
  readonly out?: string;
  /** The task's own end; `null`: it was killed before it could write one. */
  readonly end?: Partial<TaskEvent> | null;
  readonly accounted?: Partial<AccountingRow>;
  readonly memoryMiB?: number;
  readonly walltimeS?: number;
  readonly expect: FailureClass;
  readonly certainty?: Certainty;
  /** `file:line` of the culprit, and the line of the log that proves it. */
  readonly culprit?: string;
  readonly line?: number;
  readonly message?: RegExp;
}

export const root = '/home/alice/scratch/hpc-agent/sweep-1a2b3c4d';
const failedLine = `[dispatch] FAILED (exit 1), partial output preserved in ${root}/results/r1/task_3/_wip_3\n`;

const frames = `  File "${root}/executors/train.py", line 88, in <module>
    main()
  File "${root}/executors/train.py", line 41, in main
    loss = model(batch)
  File "/opt/conda/envs/ml/lib/python3.11/site-packages/torch/nn/modules/module.py", line 1511, in _wrapped_call_impl
    return self._call_impl(*args, **kwargs)
`;
const traceback = (exception: string, body = frames): string => `Traceback (most recent call last):\n${body}${exception}\n`;
const killedBySlurm = 'slurmstepd: error: *** JOB 4711 ON node3 CANCELLED AT 2026-03-01T10:22:33';

export const corpus: readonly Case[] = [
  // GPU memory
  { name: 'CUDA out of memory', err: traceback('torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 39.39 GiB of which 1.12 GiB is free.') + failedLine, expect: 'gpu_oom', certainty: 'proved', culprit: 'executors/train.py:41', line: 8 },
  { name: 'older CUDA text', err: traceback('RuntimeError: CUDA error: out of memory'), expect: 'gpu_oom' },
  { name: 'JAX', err: traceback('jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 17179869184 bytes.'), expect: 'gpu_oom' },
  { name: 'GPU memory, then the clean-up fails too', err: `${traceback('torch.cuda.OutOfMemoryError: CUDA out of memory.')}\nDuring handling of the above exception, another exception occurred:\n\n${traceback("AttributeError: 'NoneType' object has no attribute 'close'")}${failedLine}`, expect: 'gpu_oom', message: /AttributeError.*raised from.*CUDA out of memory/ },
  { name: 'TensorFlow warns of GPU memory and goes on to a wrong shape', err: `${'2026-03-01 10:00:00.1: W tensorflow/core: Allocator ran out of memory trying to allocate 2.2GiB; CUDA_ERROR_OUT_OF_MEMORY\n'}${'epoch 1\n'.repeat(30)}${traceback('ValueError: Shapes (32, 10) and (32, 11) are incompatible')}`, expect: 'python_traceback', culprit: 'executors/train.py:41' },

  // Memory of the node
  { name: 'Slurm without cgroups', err: 'loading\nslurmstepd: error: Exceeded job memory limit\n', end: null, accounted: { state: 'failed', rawState: 'FAILED', exitCode: 0, signal: 9 }, expect: 'system_oom', certainty: 'proved', line: 2 },
  { name: 'Slurm 22 without cgroups', err: 'begin\nslurmstepd-node1: error: StepId=4.batch exceeded memory limit (438530048 > 209715200), being killed\nslurmstepd-node1: error: Exceeded job memory limit\nslurmstepd-node1: error: *** JOB 4 ON node1 CANCELLED AT 2026-11-22T05:37:35 ***\n', end: null, accounted: { state: 'failed', rawState: 'FAILED', exitCode: null, signal: 9 }, expect: 'system_oom', certainty: 'proved' },
  { name: 'Slurm with cgroups, state', err: 'slurmstepd: error: Detected 1 oom_kill event in StepId=4711.batch. Some of the step tasks have been OOM Killed.\n', end: null, accounted: { state: 'out_of_memory', rawState: 'OUT_OF_MEMORY', exitCode: 0, signal: 125 }, expect: 'system_oom', certainty: 'proved' },
  { name: 'Slurm with cgroups, accounting down', err: 'slurmstepd: error: Detected 1 oom-kill event(s) in StepId=4711.batch cgroup. Some of your processes may have been killed by the cgroup out-of-memory handler.\n', end: { rc: 137, s: 9 }, expect: 'system_oom', certainty: 'proved' },
  { name: 'PBS memory', err: '=>> PBS: job killed: mem 423824kb exceeded limit 51200kb\n', end: null, accounted: { state: 'failed', rawState: 'F', exitCode: -27 }, expect: 'system_oom', certainty: 'proved' },
  { name: 'TORQUE virtual memory', err: '=>> PBS: job killed: vmem 8613752832 exceeded limit 8589934592\nTerminated\n', end: { rc: 143, s: 15 }, expect: 'system_oom', certainty: 'proved' },
  { name: 'MemoryError', err: traceback('MemoryError'), expect: 'system_oom', culprit: 'executors/train.py:41' },
  { name: 'numpy', err: traceback('numpy.core._exceptions._ArrayMemoryError: Unable to allocate 7.45 GiB for an array with shape (1000000000,) and data type float64'), expect: 'system_oom' },
  { name: 'C++', err: "terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc\n/var/spool/slurmd/job4711/slurm_script: line 61: 12345 Aborted                 (core dumped) ./simulate\n", end: { rc: 134, s: 6 }, expect: 'system_oom', certainty: 'proved' },
  { name: 'R', err: 'Error: cannot allocate vector of size 7.5 Gb\nExecution halted\n', expect: 'system_oom' },
  { name: 'Java', err: 'Exception in thread "main" java.lang.OutOfMemoryError: Java heap space\n\tat Main.main(Main.java:5)\n', expect: 'system_oom' },
  { name: 'a C program that says so and gives up', err: 'solver: fatal error: out of memory\n', end: { rc: 2 }, expect: 'system_oom' },
  { name: 'killed with its memory at the limit', err: 'step 1\nstep 2\n', end: { rc: 137, s: 9, rss: 3900 }, memoryMiB: 4096, expect: 'system_oom', certainty: 'likely', message: /3\.8 GiB of 4\.0 GiB/ },
  { name: 'killed with little memory', err: 'FileNotFoundError was handled\nstep 2\n', end: { rc: 137, s: 9, rss: 100 }, memoryMiB: 4096, expect: 'unknown', message: /not for its memory/ },
  { name: 'killed, nothing measured', err: 'step 1\n', end: null, accounted: { state: 'failed', rawState: 'FAILED', exitCode: null, signal: 9 }, expect: 'system_oom', certainty: 'guessed' },
  { name: 'Killed by the shell’s word', err: `/tmp/run.sh: line 3: 12345 Killed                  python3 big.py\n${failedLine}`, end: { rc: 137, s: 9, rss: 7900 }, memoryMiB: 8000, expect: 'system_oom', certainty: 'likely' },
  { name: 'speaks of memory, then fails for another reason', err: `warning: running out of memory is possible with this batch size\n${traceback('KeyError: \'alpha\'')}`, expect: 'python_traceback' },

  // Walltime
  { name: 'TIMEOUT', err: `[dispatch] SIGTERM received; the executor has 25 s to end\n${traceback('KeyboardInterrupt')}${killedBySlurm} DUE TO TIME LIMIT ***\n`, end: { rc: 130, s: 2, o: 'preempted', el: 61 }, accounted: { state: 'timeout', rawState: 'TIMEOUT', elapsedS: 63 }, expect: 'walltime', certainty: 'proved' },
  { name: 'time limit in the log only', err: `slurmstepd: error: *** STEP 4711.0 ON node3 CANCELLED AT 2026-03-01T10:22:33 DUE TO TIME LIMIT ***\n`, end: { rc: 130, o: 'preempted', el: 61 }, expect: 'walltime', certainty: 'proved', line: 1 },
  { name: 'PBS walltime', err: '=>> PBS: job killed: walltime 3611 exceeded limit 3600\n', end: { rc: 130, o: 'preempted', el: 3605 }, accounted: { state: 'failed', rawState: 'F', exitCode: 271 }, expect: 'walltime', certainty: 'proved' },
  { name: 'PBS -29 without a word', err: '', end: null, accounted: { state: 'failed', rawState: 'F', exitCode: -29 }, expect: 'walltime', certainty: 'proved' },
  { name: 'Grid Engine, failed 37', err: 'step 99\n', end: null, accounted: { state: 'failed', rawState: 'failed 37 : qmaster enforced h_rt limit', exitCode: 137, signal: 9 }, expect: 'walltime', certainty: 'proved' },
  { name: 'stopped at the limit, nobody to ask', err: '[dispatch] SIGTERM received; the executor has 25 s to end\n', end: { rc: 130, s: 2, o: 'preempted', el: 595 }, walltimeS: 600, expect: 'walltime', certainty: 'likely' },
  { name: 'a timeout of its own', err: traceback('TimeoutError: the database did not answer within its time limit'), expect: 'python_traceback' },

  // Preemption
  { name: 'PREEMPTED', err: `${killedBySlurm} DUE TO PREEMPTION ***\n`, end: { rc: 130, o: 'preempted', el: 5 }, accounted: { state: 'preempted', rawState: 'PREEMPTED' }, expect: 'preempted', certainty: 'proved' },
  { name: 'preempted, accounting down', err: `[dispatch] SIGTERM received; the executor has 25 s to end\n${killedBySlurm} DUE TO PREEMPTION ***\n`, end: { rc: 130, o: 'preempted', el: 5 }, expect: 'preempted', certainty: 'proved' },
  { name: 'asked to stop, nobody says why', err: `[dispatch] SIGTERM received; the executor has 25 s to end\n${traceback('KeyboardInterrupt')}[dispatch] preempted; partial output kept in /x\n`, end: { rc: 130, s: 2, o: 'preempted', el: 5 }, walltimeS: 600, expect: 'preempted', certainty: 'likely' },

  // Nodes
  { name: 'NODE_FAIL', err: 'step 3\n', end: null, accounted: { state: 'node_fail', rawState: 'NODE_FAIL', exitCode: null }, expect: 'node_failure', certainty: 'proved' },
  { name: 'node failure in the log', err: `${killedBySlurm} DUE TO NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS ***\n`, end: null, expect: 'node_failure', certainty: 'proved' },
  { name: 'TORQUE lost a node', err: "=>> PBS: job killed: node 1 (n002) requested job terminate, 'EOF' (code 1099) - received SISTER_EOF attempting to communicate with sister MOM's\n", end: null, expect: 'node_failure' },
  { name: 'its file system went away', err: traceback("OSError: [Errno 116] Stale file handle: '/scratch/alice/x.h5'"), expect: 'node_failure' },
  { name: 'GPU fell off the bus', err: traceback('RuntimeError: CUDA error: uncorrectable ECC error encountered'), expect: 'node_failure' },

  { name: 'Grid Engine could not begin', end: null, accounted: { state: 'failed', rawState: 'failed 21 : in recognizing job' }, expect: 'node_failure', certainty: 'likely' },
  { name: 'PBS could not begin', end: null, accounted: { state: 'failed', rawState: 'F Exit_status=-1 (could not be started)' }, expect: 'node_failure', certainty: 'likely' },

  // Disk
  { name: 'no space', err: traceback("OSError: [Errno 28] No space left on device: '/scratch/alice/out.npz'") + failedLine, expect: 'disk_full', certainty: 'proved', culprit: 'executors/train.py:41' },
  { name: 'quota', err: "cp: error writing '/home/alice/x': Disk quota exceeded\n", expect: 'disk_full' },
  { name: 'our dispatcher could not write', err: "[dispatch] ERROR: cannot move the result into place: [Errno 28] No space left on device: '/scratch/x'\n", end: { rc: 28 }, expect: 'disk_full', certainty: 'proved' },
  { name: 'an empty metrics.json', err: '[dispatch] ERROR: the executor left an empty metrics.json (disk full?)\n', end: { rc: 28 }, expect: 'disk_full' },
  { name: 'h5py', err: traceback("OSError: [Errno 28] Can't write data (file write failed: time = Sun Mar  1, filename = 'x.h5', errno = 28, error message = 'No space left on device')"), expect: 'disk_full' },
  { name: 'a log that the full disk did not take', err: '', end: { rc: 120 }, expect: 'disk_full', certainty: 'guessed' },
  { name: 'status 28 of a program of its own', err: 'curl: (28) Operation timed out after 30000 milliseconds\n', end: { rc: 28 }, expect: 'unknown' },

  // Crashes
  { name: 'segmentation fault', err: '/var/spool/slurm_script: line 61: 4242 Segmentation fault      (core dumped) ./solve\n', end: { rc: 139, s: 11 }, expect: 'segv', certainty: 'proved' },
  { name: 'Python’s own handler', err: 'Fatal Python error: Segmentation fault\n\nCurrent thread 0x00007f12 (most recent call first):\n  File "/home/x/a.py", line 3 in f\n', end: { rc: 139, s: 11 }, expect: 'segv' },
  { name: 'wrong processor', err: 'Illegal instruction (core dumped)\n', end: { rc: 132, s: 4 }, expect: 'segv' },
  { name: 'Fortran', err: 'Program received signal SIGSEGV: Segmentation fault - invalid memory reference.\n\nBacktrace for this error:\n#0  0x7f1 in ???\n', end: { rc: 139 }, expect: 'segv' },
  { name: 'Slurm says signal 11, the task could not', err: '', end: null, accounted: { state: 'failed', rawState: 'FAILED', exitCode: null, signal: 11 }, expect: 'segv' },

  // Software
  { name: 'ModuleNotFoundError', err: traceback("ModuleNotFoundError: No module named 'sklearn'", `  File "${root}/executors/ml_ridge.py", line 3, in <module>\n    from sklearn.linear_model import Ridge\n`) + failedLine, expect: 'import_error', certainty: 'proved', culprit: 'executors/ml_ridge.py:3', line: 4 },
  { name: 'ImportError', err: traceback("ImportError: cannot import name 'escape' from 'jinja2' (/opt/conda/lib/python3.11/site-packages/jinja2/__init__.py)"), expect: 'import_error' },
  { name: 'a library that a module needs', err: traceback('ImportError: libcudart.so.11.0: cannot open shared object file: No such file or directory'), expect: 'import_error' },
  { name: 'a library that a program needs', err: './solve: error while loading shared libraries: libmkl_rt.so.2: cannot open shared object file: No such file or directory\n', end: { rc: 127 }, expect: 'import_error' },
  { name: 'tried one, then the other', err: `${traceback("ModuleNotFoundError: No module named 'ujson'")}\nDuring handling of the above exception, another exception occurred:\n\n${traceback("ModuleNotFoundError: No module named 'simplejson'")}`, expect: 'import_error', message: /simplejson/, line: 19 },
  { name: 'glibc', err: "./solve: /lib64/libm.so.6: version `GLIBC_2.29' not found (required by ./solve)\n", expect: 'import_error' },
  { name: 'no module command', err: '/var/spool/slurm_script: line 12: module: command not found\n', end: { rc: 127 }, expect: 'import_error' },
  { name: 'Lmod', err: 'Lmod has detected the following error: The following module(s) are unknown: "cuda/12.9"\n\nPlease check the spelling or version number. Also try "module spider ..."\nhpc-agent: the module cuda/12.9 cannot be loaded\n', end: null, accounted: { state: 'failed', rawState: 'FAILED', exitCode: 78 }, expect: 'import_error', certainty: 'proved', message: /cuda\/12\.9 cannot be loaded/ },
  { name: 'no environment', err: 'EnvironmentNameNotFound: Could not find conda environment: ml\nhpc-agent: the conda environment ml cannot be activated\n', end: null, accounted: { state: 'failed', rawState: 'FAILED', exitCode: 78 }, expect: 'import_error', certainty: 'proved' },
  { name: 'no such command', err: 'sh: 1: matlab: not found\n', end: { rc: 127 }, expect: 'import_error' },
  { name: 'R package', err: "Error in library(dplyr) : there is no package called ‘dplyr’\nExecution halted\n", expect: 'import_error' },
  { name: 'something that is not found in data', err: 'lookup: key alpha: not found\n', end: { rc: 1 }, expect: 'unknown' },

  // Files
  { name: 'FileNotFoundError', err: traceback("FileNotFoundError: [Errno 2] No such file or directory: 'data/prices.parquet'"), expect: 'file_not_found', culprit: 'executors/train.py:41' },
  { name: 'cat', err: "cat: /data/in.txt: No such file or directory\n", expect: 'file_not_found' },
  { name: 'the folder is gone', err: `hpc-agent: the folder of this run is not there on this node: ${root}\n`, end: null, accounted: { state: 'failed', rawState: 'FAILED', exitCode: 72 }, expect: 'file_not_found', certainty: 'proved' },
  { name: 'no executor', err: '[dispatch] failed: executor not found: /home/alice/run.sh\n', end: { rc: 127 }, expect: 'file_not_found' },
  { name: 'a missing file that was no matter, and then a wrong value', err: `ls: cannot access 'cache': No such file or directory\n${traceback('ValueError: x must be positive')}`, expect: 'python_traceback' },
  { name: 'a clean-up complains after the traceback', err: `${traceback('ValueError: x must be positive')}rm: cannot remove 'tmp/lock': No such file or directory\n${failedLine}`, expect: 'python_traceback', culprit: 'executors/train.py:41' },

  { name: 'Grid Engine found no folder for the logs', end: null, accounted: { state: 'failed', rawState: 'failed 26 : opening input/output file' }, expect: 'file_not_found', certainty: 'proved' },

  // Permission
  { name: 'PermissionError', err: traceback("PermissionError: [Errno 13] Permission denied: '/projects/lab/out'"), expect: 'permission_denied' },
  { name: 'not executable', err: 'sh: 1: ./run.sh: Permission denied\n', end: { rc: 126 }, expect: 'permission_denied' },
  { name: 'read-only', err: "touch: cannot touch '/opt/x': Read-only file system\n", expect: 'permission_denied' },

  // Tracebacks
  { name: 'an ordinary one', err: traceback('ValueError: could not convert string to float: \'n/a\'') + failedLine, expect: 'python_traceback', certainty: 'proved', culprit: 'executors/train.py:41', line: 8 },
  { name: 'raised from another', err: `${traceback("KeyError: 'horizon'")}\nThe above exception was the direct cause of the following exception:\n\n${traceback('RuntimeError: no configuration', `  File "${root}/executors/train.py", line 99, in <module>\n    raise RuntimeError("no configuration") from error\n`)}`, expect: 'python_traceback', message: /^RuntimeError: no configuration$/, culprit: 'executors/train.py:99' },
  { name: 'only in a library', err: traceback('ValueError: bad', '  File "/opt/conda/lib/python3.11/site-packages/x/cli.py", line 7, in main\n    run()\n'), expect: 'python_traceback', culprit: 'site-packages/x/cli.py:7' },
  { name: 'syntax', err: `  File "${root}/executors/train.py", line 12\n    def f(:\n          ^\nSyntaxError: invalid syntax\n`, expect: 'python_traceback', culprit: 'executors/train.py:12' },
  { name: 'in a file with quotes in its name', err: `Traceback (most recent call last):\n  File "${root}/my "own" code.py", line 7, in <module>\n    x\nValueError: bad\n`, expect: 'python_traceback', culprit: 'my "own" code.py:7' },
  { name: 'of a rank, with its prefix', err: `[rank3]: Traceback (most recent call last):\n[rank3]:   File "${root}/executors/train.py", line 41, in main\n[rank3]:     loss = model(batch)\n[rank3]: ValueError: NaN in loss\n`, expect: 'python_traceback', culprit: 'executors/train.py:41', message: /NaN in loss/ },
  { name: 'what a wrapper only passes on', err: `${traceback('ValueError: NaN in loss')}${traceback("subprocess.CalledProcessError: Command '['python', 'train.py']' returned non-zero exit status 1.", `  File "${root}/executors/all.py", line 9, in <module>\n    run()\n`)}`, expect: 'python_traceback', message: /NaN in loss/, culprit: 'executors/train.py:41' },
  { name: 'with colours', err: `Traceback (most recent call last):\n  File \x1b[35m"${root}/executors/train.py"\x1b[0m, line \x1b[35m41\x1b[0m, in \x1b[35mmain\x1b[0m\n    x\n\x1b[1;35mValueError\x1b[0m: \x1b[35mbad value\x1b[0m\n`, expect: 'python_traceback', culprit: 'executors/train.py:41', message: /^ValueError: bad value$/ },
  { name: 'recovered from, and then it gave up', err: `${traceback('ConnectionError: try again')}${Array.from({ length: 40 }, (_, step) => `step ${step}`).join('\n')}\ngiving up\n`, end: { rc: 4 }, expect: 'unknown', message: /status 4.*giving up/ },
  { name: 'recovered from, soon before it gave up', err: `${traceback('ConnectionError: try again')}${'again\n'.repeat(8)}`, end: { rc: 4 }, expect: 'python_traceback', certainty: 'guessed' },
  { name: 'the interpreter’s last breath comes after it', err: `${traceback('ValueError: bad')}Exception ignored in: <function Pool.__del__>\nImportError: sys.meta_path is None, Python is likely shutting down\n${failedLine}`, expect: 'python_traceback' },
  { name: 'on standard output', err: '', out: traceback('ValueError: bad'), expect: 'python_traceback', culprit: 'executors/train.py:41' },

  // Nothing known
  { name: 'a status and no word', err: '', end: { rc: 2 }, expect: 'unknown', certainty: 'guessed' },
  { name: 'no log at all', end: { rc: 1 }, expect: 'unknown', message: /left no log/ },
  { name: 'a second copy', err: 'hpc-agent: job 12 runs these tasks already; this job is a second copy of the submission and does nothing\n', end: null, accounted: { state: 'failed', rawState: 'FAILED', exitCode: 75 }, expect: 'unknown', message: /second copy/ },
  { name: 'other parameters on the disk', err: '[dispatch] ERROR: params.jsonl does not match its index at task 3: the parameters on disk are not those of this run. Submit it again.\n', end: { rc: 1 }, expect: 'unknown', message: /not those of this run/ },
];
