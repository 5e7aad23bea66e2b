/**
 * What logs say when something breaks: the one table. It travels to the cluster with each scan (`templates/runtime/hpc_diagnose.py`) and is used
 * here again for the last line of a traceback, so a pattern must mean the same to Python and to JavaScript: no look-behind, no named groups.
 *
 * Rules:
 * - `hints` are words in lower case of which at least one stands in every line that the pattern matches: finding a word is a hundred times cheaper.
 * - `by` tells how much a line is worth. What the scheduler or the kernel wrote is proof wherever it stands. What a program wrote counts by how near
 *   it stands to the end: a program may speak of memory, and go on. `stop` lines say that something was asked to end, not why.
 * - First come the lines that hold others' words: `cannot open shared object file: No such file or directory` is missing software.
 */
import type { FailureClass } from './failureClass.ts';

export type SignatureOrigin = 'scheduler' | 'job_script' | 'program' | 'stop';

export interface Signature {
  readonly id: string;
  readonly failureClass: FailureClass;
  readonly by: SignatureOrigin;
  readonly hints: readonly string[];
  readonly pattern: string;
  readonly ignoreCase?: boolean;
}

const slurmSays = String.raw`(?:slurmstepd(?:-\S+)?|srun|slurmd): error: `;

export const signatures: readonly Signature[] = [
  // Schedulers and the kernel.
  { id: 'slurm_memory', failureClass: 'system_oom', by: 'scheduler', hints: ['memory limit', 'oom-kill', 'oom_kill', 'out of memory', 'out of-memory'], pattern: `${slurmSays}.*(?:exceeded .*memory limit|oom.kill|out.of.memory)`, ignoreCase: true },
  { id: 'kernel_memory', failureClass: 'system_oom', by: 'scheduler', hints: ['out of memory: kill', 'oom-kill:constraint'], pattern: 'out of memory: Kill(?:ed)? process|oom-kill:constraint', ignoreCase: true },
  { id: 'pbs_memory', failureClass: 'system_oom', by: 'scheduler', hints: ['pbs: job killed', 'mem limit exceeded', 'memsw limit exceeded'], pattern: String.raw`=>> PBS: job killed: p?v?mem\b.*exceed|^Cgroup mem(?:sw)? limit exceeded`, ignoreCase: true },
  { id: 'slurm_walltime', failureClass: 'walltime', by: 'scheduler', hints: ['due to time limit'], pattern: `${slurmSays}.*CANCELLED AT .* DUE TO TIME LIMIT` },
  { id: 'pbs_walltime', failureClass: 'walltime', by: 'scheduler', hints: ['pbs: job killed'], pattern: String.raw`=>> PBS: job killed: (?:walltime|cput|pcput)\b.*exceed` },
  { id: 'slurm_preempted', failureClass: 'preempted', by: 'scheduler', hints: ['due to preemption'], pattern: `${slurmSays}.*CANCELLED AT .* DUE TO PREEMPTION` },
  { id: 'slurm_node', failureClass: 'node_failure', by: 'scheduler', hints: ['node fail'], pattern: `${slurmSays}.*(?:DUE TO NODE FAILURE|Node failure on)` },
  { id: 'pbs_node', failureClass: 'node_failure', by: 'scheduler', hints: ['pbs: job killed: node', 'sister_eof', 'sister mom'], pattern: String.raw`=>> PBS: job killed: node \d|SISTER_EOF|sister MOM` },

  // Our own job script and dispatcher.
  { id: 'job_modules', failureClass: 'import_error', by: 'job_script', hints: ['hpc-agent: th'], pattern: '^hpc-agent: (?:the module .* cannot be loaded|this node has no module command)' },
  { id: 'job_environment', failureClass: 'import_error', by: 'job_script', hints: ['hpc-agent: '], pattern: '^hpc-agent: (?:conda_source is not readable|this node has no (?:conda|uv) command|the conda environment .* cannot be activated|there is no virtual environment|uv sync failed)' },
  { id: 'job_folder', failureClass: 'file_not_found', by: 'job_script', hints: ['hpc-agent: the folder'], pattern: '^hpc-agent: the folder of this run is not there' },
  { id: 'job_copy', failureClass: 'unknown', by: 'job_script', hints: ['hpc-agent: job'], pattern: '^hpc-agent: job .* runs these tasks already' },
  { id: 'dispatch_disk', failureClass: 'disk_full', by: 'job_script', hints: ['[dispatch] error'], pattern: String.raw`^\[dispatch\] ERROR: .*(?:No space left on device|Disk quota exceeded|disk full)` },
  { id: 'dispatch_permission', failureClass: 'permission_denied', by: 'job_script', hints: ['[dispatch] '], pattern: String.raw`^\[dispatch\] (?:ERROR|failed): .*(?:Permission denied|Operation not permitted|Read-only file system)` },
  { id: 'dispatch_missing', failureClass: 'file_not_found', by: 'job_script', hints: ['[dispatch] '], pattern: String.raw`^\[dispatch\] (?:failed: executor not found|failed: cannot execute .*No such file|ERROR: (?:run sidecar|tasks\.py) not found)` },
  { id: 'dispatch_refused', failureClass: 'unknown', by: 'job_script', hints: ['[dispatch] error'], pattern: String.raw`^\[dispatch\] ERROR: ` },
  { id: 'stopped', failureClass: 'preempted', by: 'stop', hints: ['[dispatch] sig', '[hpc-agent] sigterm'], pattern: String.raw`^\[dispatch\] SIG\w+ received|^\[hpc-agent\] SIGTERM received` },

  // Programs.
  {
    id: 'gpu_memory',
    failureClass: 'gpu_oom',
    by: 'program',
    hints: ['cuda out of memory', 'out of memory', 'outofmemory', 'memoryallocation', 'alloc_failed', 'resource_exhausted', 'resourceexhausted', 'oom when allocating', 'out_of_memory'],
    pattern: String.raw`(?:CUDA|HIP|XPU|MPS backend)(?: error:|:)? out of memory|cuda runtime error \(2\).*out of memory|cudaErrorMemoryAllocation|(?:CUDA|HIP)_ERROR_OUT_OF_MEMORY|torch\.(?:cuda\.)?OutOfMemoryError|cuda\S*\.OutOfMemoryError|hipErrorOutOfMemory|(?:CUBLAS|CUDNN)_STATUS_ALLOC_FAILED|RESOURCE_EXHAUSTED|ResourceExhaustedError|OOM when allocating`,
  },
  {
    id: 'memory',
    failureClass: 'system_oom',
    by: 'program',
    hints: ['memoryerror', 'bad_alloc', 'cannot allocate', 'unable to allocate', 'virtual memory exhausted', 'outofmemoryerror', 'heap out of memory', 'out of memory', "can't allocate memory", 'not enough memory'],
    pattern: String.raw`\b_?(?:Array)?MemoryError\b|std::bad_alloc|cannot allocate (?:memory|vector of size)|Unable to allocate .*(?:[KMGT]iB|bytes)|virtual memory exhausted|java\.lang\.OutOfMemoryError|^OutOfMemoryError\(|heap out of memory|DefaultCPUAllocator: (?:can't allocate|not enough) memory|(?:fatal|error)[^a-z]*:? ?(?:\w+: )?out of memory|^(?:\S+: )*out of memory[.! ]*$`,
    ignoreCase: true,
  },
  { id: 'disk', failureClass: 'disk_full', by: 'program', hints: ['no space left', 'quota exceeded', 'enospc', 'edquot', 'file too large', 'file size limit exceeded', 'disk full', 'disk is full'], pattern: String.raw`no space left on device|quota exceeded|\bENOSPC\b|\bEDQUOT\b|\[Errno 27\] File too large|: File too large$|File size limit exceeded|\bdisk (?:is )?full\b`, ignoreCase: true },
  { id: 'node_trouble', failureClass: 'node_failure', by: 'program', hints: ['stale file handle', 'stale nfs', 'transport endpoint', 'input/output error', 'remote i/o error', 'ecc error', 'fallen off the bus', 'busy or unavailable'], pattern: 'Stale (?:NFS )?file handle|Transport endpoint is not connected|(?:Input/output|Remote I/O) error|uncorrectable ECC error|fallen off the bus|CUDA-capable device\\(s\\) is/are busy or unavailable|CUDA-capable devices are busy or unavailable' },
  { id: 'crash', failureClass: 'segv', by: 'program', hints: ['segmentation fault', 'sigsegv', 'fatal python error', 'bus error', 'illegal instruction', 'floating point exception', 'sigbus', 'sigill'], pattern: String.raw`Segmentation fault|\bSIG(?:SEGV|BUS|ILL)\b|Fatal Python error: (?:Segmentation fault|Bus error|Illegal instruction|Floating|Aborted)|\bBus error\b|\bIllegal instruction\b|Floating point exception` },
  { id: 'shared_library', failureClass: 'import_error', by: 'program', hints: ['shared librar', 'shared object', 'glibc', 'symbol lookup error', 'undefined symbol'], pattern: String.raw`error while loading shared libraries|cannot open shared object file|version .?(?:GLIBC|GLIBCXX|CXXABI)\S* not found|symbol lookup error|undefined symbol: ` },
  { id: 'missing_module', failureClass: 'import_error', by: 'program', hints: ['modulenotfounderror', 'importerror', 'there is no package called', 'cannot find module', "can't locate", 'package '], pattern: String.raw`\b(?:ModuleNotFoundError|ImportError)\b|there is no package called|Cannot find module '|Can't locate \S+ in @INC|Package \S+ not found in current path|No module named ` },
  { id: 'environment_modules', failureClass: 'import_error', by: 'program', hints: ['lmod has detected', 'unable to locate a modulefile', 'module(s) are unknown', 'module(s) are unknown:', 'environmentnamenotfound', 'could not find conda environment'], pattern: String.raw`Lmod has detected the following error|Unable to locate a modulefile|module\(s\) are unknown|EnvironmentNameNotFound|Could not find conda environment` },
  { id: 'missing_command', failureClass: 'import_error', by: 'program', hints: ['not found'], pattern: String.raw`: command not found$|command not found: \S+$|^(?:\S*/)?(?:sh|bash|dash|ksh|\S+\.sh): (?:line )?(?:\d+: )?\S+: not found$|^env: .*: No such file or directory$|^\S+: \d+: \S+: not found$` },
  { id: 'missing_file', failureClass: 'file_not_found', by: 'program', hints: ['filenotfounderror', 'no such file or directory', 'enoent'], pattern: String.raw`\bFileNotFoundError\b|No such file or directory|\bENOENT\b` },
  { id: 'permission', failureClass: 'permission_denied', by: 'program', hints: ['permissionerror', 'permission denied', 'operation not permitted', 'read-only file system', 'eacces'], pattern: String.raw`\bPermissionError\b|permission denied|Operation not permitted|Read-only file system|\bEACCES\b`, ignoreCase: true },
  { id: 'syntax_error', failureClass: 'python_traceback', by: 'program', hints: ['syntaxerror', 'indentationerror', 'taberror'], pattern: '^(?:SyntaxError|IndentationError|TabError): ' },
  // Says which signal, not who sent it: judged with the measured memory.
  { id: 'killed', failureClass: 'unknown', by: 'stop', hints: ['killed'], pattern: String.raw`^Killed$|: line \d+: +\d+ Killed\b|killed by signal: Killed|: tasks? [\d,-]+: Killed$` },
];

/** Lines that say nothing about why: our own, and what an interpreter or a scheduler adds after the end. */
export const noise: readonly { readonly hints: readonly string[]; readonly pattern: string }[] = [
  { hints: ['[dispatch]'], pattern: String.raw`^\[dispatch\] (?:FAILED|preempted|SIG|preserved|task \d+|WARN)` },
  { hints: ['hpc-agent:'], pattern: '^hpc-agent: (?:.* was not copied|cannot write)' },
  { hints: ['slurmstepd', 'srun:', 'stepid=', 'job step aborted'], pattern: String.raw`(?:slurmstepd(?:-\S+)?|srun): (?:error: )?\*{3} |^srun: (?:error: \S+: task|Terminating|launch/slurm|Job step)|Job step aborted|StepId=` },
  { hints: ['exception ignored', 'shutting down', 'resource_tracker', 'resourcewarning', 'sys:1: '], pattern: '^Exception ignored |Python is likely shutting down|resource_tracker: |ResourceWarning:|sys:1: ' },
  { hints: ['core dumped', 'terminated', '^c'], pattern: String.raw`core dumped\)?$|^Terminated$|^\^C$` },
];

const byId: ReadonlyMap<string, Signature> = new Map(signatures.map((signature) => [signature.id, signature]));

export function signatureOf(id: string): Signature | undefined {
  return byId.get(id);
}

/** A signature as the scanner takes it. */
export function signaturesOnWire(): readonly { readonly id: string; readonly hints: readonly string[]; readonly pattern: string }[] {
  return signatures.map(({ id, hints, pattern, ignoreCase }) => ({ id, hints, pattern: ignoreCase === true ? `(?i)${pattern}` : pattern }));
}

const exceptionTests = signatures.filter(({ by }) => by === 'program').map(({ failureClass, pattern, ignoreCase }) => ({ failureClass, test: new RegExp(pattern, ignoreCase === true ? 'i' : '') }));

/** What the last line of a traceback means: `python_traceback` where nothing more is known. */
export function classOfException(text: string): FailureClass {
  return exceptionTests.find(({ test }) => test.test(text))?.failureClass ?? 'python_traceback';
}
