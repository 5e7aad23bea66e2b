import assert from 'node:assert/strict';
import * as path from 'node:path';
import { formatProblem } from '../../../src/cluster/configProblem.ts';
import { HpcError } from '../../../src/foundation/errors.ts';
import { TestFiles } from './testFiles.ts';

const fail = async (promise: Promise<unknown>): Promise<HpcError> => {
  try {
    await promise;
  } catch (error) {
    if (error instanceof HpcError) return error;
    throw error;
  }
  throw new assert.AssertionError({ message: 'nothing was thrown' });
};

/** The shape that hpc-agent ships, with its sample texts. */
const hpcAgentSample = `hoffman2:
  host: hoffman2.idre.ucla.edu
  user: <your_user>
  scheduler: sge
  scratch: <your_scratch>
  modules: [python/3.11.9]
  conda_source: /u/local/apps/anaconda3/2024.06/etc/profile.d/conda.sh
  conda_envs: [sweep]
  gpu_types: [a100, h200]
  gpu_queues:
    gpu_a100: {name: A100, perf: 1.20}
  excluded_gpu_queue_prefixes: [gpu_P4]
  cold_start_mem_buffer: 0.2
  nfs_data_dir: /u/data
  walltime_arbitrage: false
  auto_daisy_chain: true
  max_walltime_sec: 172800
  max_node_mem_mb: 384000
  constraints:
    max_array_size: 100
    max_walltime: "3:00:00"
    max_concurrent_jobs: 2
    est_spin_up: "5m"
    max_tasks: 5000
`;

describe('cluster store (unit)', () => {
  const files = new TestFiles();
  beforeEach(() => files.setUp());
  afterEach(() => files.tearDown());

  it('has this computer without any file', async () => {
    const { profiles, problems } = await files.store().list();
    assert.deepEqual(problems, []);
    const [profile] = profiles;
    assert.equal(profile?.name, 'this-computer');
    assert.equal(profile.scheduler, 'background');
    assert.deepEqual(profile.connection, { kind: 'local' });
    assert.equal(profile.scratch, path.join(files.home, '.hpc-agent', 'this-computer'));
    assert.deepEqual(profile.origins.scheduler, { scope: 'built-in' });
  });

  it("reads hpc-agent's keys as they are", async () => {
    await files.write(files.userFile, hpcAgentSample);
    const profile = await files.store().get('hoffman2');
    const { origins, ...settings } = profile;
    assert.deepEqual(settings, {
      name: 'hoffman2',
      scheduler: 'sge',
      connection: { kind: 'ssh', host: 'hoffman2.idre.ucla.edu', user: '<your_user>' },
      scratch: '<your_scratch>',
      modules: ['python/3.11.9'],
      condaSource: '/u/local/apps/anaconda3/2024.06/etc/profile.d/conda.sh',
      condaEnvs: ['sweep'],
      gpuTypes: ['a100', 'h200'],
      defaults: {},
      constraints: { maxArraySize: 100, maxWalltimeS: 10_800, maxConcurrentJobs: 2, estSpinUpS: 300, maxTasks: 5000 },
      coldStartMemBuffer: 0.2,
      nfsDataDir: '/u/data',
      walltimeArbitrage: false,
      autoDaisyChain: true,
      maxWalltimeS: 172_800,
      maxNodeMemMiB: 384_000,
      gpuQueues: { gpu_a100: { name: 'A100', perf: 1.2 } },
      excludedGpuQueuePrefixes: ['gpu_P4'],
      templates: {},
      env: {},
      placeholders: ['scratch', 'user'],
    });
    assert.deepEqual(origins['constraints.max_walltime'], { scope: 'user', file: files.userFile, line: 21, column: 19 });
    assert.deepEqual((await files.store().list()).problems.map(({ severity, key, line }) => [severity, key, line]), [['warning', 'user', 3], ['warning', 'scratch', 5]]);
  });

  it("falls back to hpc-agent's defaults, and says so", async () => {
    await files.write(files.userFile, 'c: {scheduler: slurm, host: h}\n');
    const profile = await files.store().get('c');
    assert.deepEqual(profile.constraints, { maxArraySize: 1000, maxWalltimeS: 86_400, maxConcurrentJobs: 10, estSpinUpS: 300 });
    assert.deepEqual([profile.coldStartMemBuffer, profile.walltimeArbitrage, profile.autoDaisyChain, profile.maxWalltimeS], [0.15, true, undefined, 86_400]);
    for (const key of ['constraints.max_array_size', 'cold_start_mem_buffer', 'connection', 'scratch']) assert.deepEqual(profile.origins[key], { scope: 'default' }, key);
  });

  it('reads our own keys with their units', async () => {
    await files.write(files.workspaceFile, `c:
  scheduler: pbspro
  host: login
  port: "2222"
  identity_file: ~/keys/id
  known_hosts_file: kh
  proxy_jump: me@gate:22
  connect_timeout: 20s
  keepalive_interval: 1m
  env_python: ~/env/bin/python
  account: 00123
  default_partition: normal
  gpu_constraint: a100|a40
  default_walltime_sec: 3600
  defaults: {memory: 4G, cpus: 2, qos: high, extra_arguments: [--exclusive]}
  container: {runtime: apptainer, image: /i.sif, mounts: [/data:/data:ro], nv: yes, env: {A: 1}}
  templates: {cpu: .hpc/templates/cpu.sh}
  env: {OMP_NUM_THREADS: 4, MODE: fast}
  venv: $HOME/venv
`);
    const profile = await files.store().get('c');
    assert.deepEqual(profile.connection, { kind: 'ssh', host: 'login', port: 2222, identityFile: path.join(files.home, 'keys', 'id'), knownHostsFile: path.join(files.workspace, 'kh'), proxyJump: 'me@gate:22', connectTimeoutMs: 20_000, keepaliveIntervalMs: 60_000 });
    assert.equal(profile.scheduler, 'pbs');
    assert.deepEqual(profile.defaults, { cpus: 2, memoryMiB: 4096, walltimeS: 3600, qos: 'high', partition: 'normal', account: '00123', extraArguments: ['--exclusive'] });
    assert.equal(profile.gpuConstraint, 'a100|a40');
    assert.deepEqual(profile.container, { runtime: 'apptainer', image: '/i.sif', mounts: ['/data:/data:ro'], nv: true, rocm: false, cleanEnvironment: false, writableTmpfs: false, fakeroot: false, env: { A: '1' }, extraArguments: [] });
    assert.deepEqual(profile.templates, { cpu: path.join(files.workspace, '.hpc', 'templates', 'cpu.sh') });
    assert.deepEqual(profile.env, { OMP_NUM_THREADS: '4', MODE: 'fast' });
    assert.equal(profile.python, '~/env/bin/python');
  });

  describe('precedence', () => {
    beforeEach(async () => {
      await files.write(files.userFile, 'c:\n  scheduler: slurm\n  host: user-host\n  account: mine\n  constraints: {max_array_size: 10, max_concurrent_jobs: 3}\n  env: {A: user, B: user}\n');
      await files.write(files.workspaceFile, 'c:\n  host: work-host\n  account:\n  constraints: {max_array_size: 20}\n  env: {A: work}\n');
    });
    it('merges per key, the workspace over the user', async () => {
      const profile = await files.store().get('c');
      assert.deepEqual([profile.scheduler, profile.connection.kind === 'ssh' && profile.connection.host], ['slurm', 'work-host']);
      assert.deepEqual([profile.constraints.maxArraySize, profile.constraints.maxConcurrentJobs], [20, 3]);
      assert.deepEqual(profile.env, { A: 'work', B: 'user' });
      assert.deepEqual([profile.origins.host?.scope, profile.origins.scheduler?.scope, profile.origins['env.B']?.line], ['workspace', 'user', 6]);
    });
    it('takes a value away where the key stands without one', async () => assert.equal((await files.store().get('c')).defaults.account, undefined));
    it('does so for numbers and in nested keys as well: the default holds again', async () => {
      await files.write(files.userFile, 'c: {scheduler: slurm, host: h, max_node_mem_mb: 5, constraints: {max_array_size: 10, max_tasks: 7}}\n');
      await files.write(files.workspaceFile, 'c:\n  max_node_mem_mb:\n  constraints: {max_array_size: null, max_tasks: null}\n');
      const profile = await files.store().get('c');
      assert.deepEqual([profile.maxNodeMemMiB, profile.constraints.maxArraySize, profile.constraints.maxTasks], [undefined, 1000, undefined]);
      assert.deepEqual(profile.origins['constraints.max_array_size'], { scope: 'default' });
    });
    it('ignores the workspace that is not trusted, and says so', async () => {
      const store = files.store({ trusted: false });
      const profile = await store.get('c');
      assert.equal(profile.connection.kind === 'ssh' && profile.connection.host, 'user-host');
      const { problems } = await store.list();
      assert.deepEqual(problems.map(({ severity, file }) => [severity, file]), [['warning', files.workspaceFile]]);
      assert.match(problems[0]?.message ?? '', /not trusted/);
    });
    it('explains every value with what it hides', async () => {
      const explained = new Map((await files.store().explain('c')).map((value) => [value.key, value]));
      assert.equal(explained.get('host')?.value, 'work-host');
      assert.equal(explained.get('host')?.origin.scope, 'workspace');
      assert.deepEqual(explained.get('host')?.overridden.map(({ value, origin }) => [value, origin.scope, origin.line]), [['user-host', 'user', 3]]);
      assert.deepEqual(explained.get('constraints.est_spin_up'), { key: 'constraints.est_spin_up', value: 300, origin: { scope: 'default' }, overridden: [] });
      assert.equal(explained.get('account')?.value, null);
    });
    it('lets HPC_CLUSTERS_CONFIG replace the user file, and HPC_AGENT_HOME move it', async () => {
      const other = path.join(files.root, 'other.yaml');
      await files.write(other, 'o: {scheduler: slurm, host: h}\n');
      const replaced = await files.store({ env: { HPC_CLUSTERS_CONFIG: other } }).list();
      assert.deepEqual(replaced.profiles.map(({ name }) => name), ['o', 'this-computer']);
      await files.write(path.join(files.root, 'agent', 'clusters.yaml'), 'm: {scheduler: slurm, host: h}\n');
      const moved = await files.store({ trusted: false, env: { HPC_AGENT_HOME: path.join(files.root, 'agent') } }).list();
      assert.deepEqual(moved.profiles.map(({ name }) => name), ['m', 'this-computer']);
    });
  });

  describe('mistakes', () => {
    it('hide only their own cluster', async () => {
      await files.write(files.userFile, 'good: {scheduler: slurm, host: h}\nbad:\n  scheduler: slrm\n  host: h\n  constraints:\n    max_walltime: soon\nalso: {scheduler: sge, host: i}\n');
      const { profiles, problems } = await files.store().list();
      assert.deepEqual(profiles.map(({ name }) => name), ['good', 'also', 'this-computer']);
      assert.deepEqual(problems.map(formatProblem), [
        `${files.userFile}:3:14: scheduler is "slrm", but must be one of slurm, sge, pbs, pbspro, torque, background. Did you mean "slurm"?`,
        `${files.userFile}:6:19: constraints.max_walltime is "soon", but must be a duration such as "24:00:00", "1-12:00:00", "5m" or a number of seconds.`,
      ]);
      const error = await fail(files.store().get('bad'));
      assert.equal(error.code, 'config_invalid');
      assert.ok(error.message.startsWith(`${files.userFile}:3:14: `));
    });
    it('in the workspace hide the cluster though the user file alone would be good', async () => {
      await files.write(files.userFile, 'c: {scheduler: slurm, host: h}\n');
      await files.write(files.workspaceFile, 'c: {port: many}\n');
      assert.equal((await fail(files.store().get('c'))).code, 'config_invalid');
    });
    const wrong: readonly [string, RegExp][] = [
      ['modules: python/3.11', /modules is "python\/3.11", but must be a list/],
      ['modules: [[a]]', /modules\.0 is \["a"\], but must be a text/],
      ['port: 70000', /port is 70000, but must be a whole number from 1 to 65535/],
      ['constraints: {max_array_size: 0}', /must be a whole number of at least 1/],
      ['constraints: {max_array_size: 1.5}', /must be a whole number/],
      ['constraints: [1]', /constraints is \[1\], but must be a mapping/],
      ['walltime_arbitrage: maybe', /must be true or false/],
      ['scratch: relative/path', /scratch is "relative\/path", but must be an absolute path/],
      ['env: {"A B": 1}', /A B must be a variable name/],
      ['env: {SLURM_X: 1}', /outside SLURM_/],
      ['user: "-oProxyCommand=x"', /user is /],
      ['account: "a\\nb"', /account is /],
      ['cold_start_mem_buffer: -1', /must be a number of at least 0/],
      ['defaults: {memory: lots}', /must be a memory size/],
      ['gpu_queues: {a: {perf: fast}}', /gpu_queues\.a\.perf is "fast"/],
      ['connection: telnet', /connection is "telnet", but must be one of auto, ssh, openssh, local/],
    ];
    for (const [line, expected] of wrong) {
      it(`name the place of "${line}"`, async () => {
        await files.write(files.userFile, `c:\n  scheduler: slurm\n  ${line}\n  ${line.startsWith('host') ? '' : 'host: h'}\n`);
        const error = await fail(files.store().get('c'));
        assert.match(error.message, expected);
        assert.match(error.message, /clusters\.yaml:3:\d+: /);
        assert.ok(error.remediation);
      });
    }
    it('that only show in the whole are reported too', async () => {
      await files.write(files.userFile, 'a: {host: h}\nb: {scheduler: slurm}\nd: {scheduler: slurm, host: h, container: {image: i}}\ne: {scheduler: slurm, connection: ssh}\n');
      const { profiles, problems } = await files.store().list();
      assert.deepEqual(profiles.map(({ name }) => name), ['this-computer']);
      assert.deepEqual(problems.map(({ cluster, line, message }) => [cluster, line, message.replace(/^The cluster "." /, '')]), [['a', 1, 'has no scheduler.'], ['b', 2, 'has no host.'], ['d', 3, 'has a container without a runtime.'], ['e', 4, 'says "connection: ssh" but has no host.']]);
    });
    it('of spelling in a key are warnings with the near miss; newer hpc-agent keys are named as such', async () => {
      await files.write(files.userFile, 'c:\n  scheduler: slurm\n  host: h\n  conda_env: [a]\n  login_pool: [b]\n  x-note: mine\n  constraints: {max_aray_size: 4}\n');
      const { profiles, problems } = await files.store().list();
      assert.equal(profiles.length, 2);
      assert.deepEqual(problems.map(({ severity, key, line }) => [severity, key, line]), [['warning', 'conda_env', 4], ['warning', 'login_pool', 5], ['warning', 'constraints.max_aray_size', 7]]);
      assert.match(problems[0]?.message ?? '', /Did you mean "conda_envs"/);
      assert.match(problems[1]?.message ?? '', /newer hpc-agent/);
      assert.match(problems[2]?.message ?? '', /Did you mean "max_array_size"/);
    });
    it('an unknown cluster names its neighbours', async () => {
      await files.write(files.userFile, hpcAgentSample);
      const error = await fail(files.store().get('hofman2'));
      assert.equal(error.code, 'cluster_unknown');
      assert.match(error.message, /Did you mean "hoffman2"/);
      assert.match(error.remediation ?? '', /hoffman2, this-computer/);
    });
    it('a file that says nothing readable hides all but this computer', async () => {
      await files.write(files.userFile, 'c: {scheduler: slurm, host: h}\n');
      await files.write(files.workspaceFile, '- nonsense\n');
      const store = files.store();
      assert.deepEqual((await store.list()).profiles.map(({ name }) => name), ['this-computer']);
      for (const name of ['c', 'unheard-of']) assert.match((await fail(store.get(name))).message, /must be a mapping of cluster names/);
      assert.equal((await store.get('this-computer')).scheduler, 'background');
    });
    it('this computer survives a mistake in its own entry, with the mistake reported', async () => {
      await files.write(files.userFile, 'this-computer: {scheduler: nosuch}\n');
      const { profiles, problems } = await files.store().list();
      assert.deepEqual([profiles.length, problems.length, profiles[0]?.scheduler], [1, 1, 'background']);
    });
    it('a missing HPC_CLUSTERS_CONFIG is a mistake, not an empty list', async () => {
      const store = files.store({ env: { HPC_CLUSTERS_CONFIG: '/nowhere/c.yaml' } });
      assert.match((await store.list()).problems[0]?.message ?? '', /HPC_CLUSTERS_CONFIG/);
      assert.equal((await fail(store.get('c'))).code, 'config_invalid');
    });
  });
});
