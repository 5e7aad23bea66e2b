/**
 * Everything that `npm test` proves, in the order in which it begins.
 *
 * What runs together: one suite more than there are cores, four at most. Never together: what breaks and mends the one sandbox
 * (lock `sandbox`) or the one Grid Engine (`grid`), what writes dist/ and the package (`dist`), the suites on VS Code (`editor`: each starts a server and a browser), two
 * users of apt-get (`apt`). Of those that wait for nobody the short ones come last, so that at the end no long one runs alone.
 */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import type { HostSummary } from '../editor/hostSummary.ts';
import { MochaSession } from './mochaSession.ts';
import { runMocha } from './mochaSuite.ts';
import { runProgram } from './programs.ts';
import { failed, passed, type Outcome, type Suite, type SuiteContext } from './suite.ts';
import { installPrograms, installPythonTools, pythonTools } from './toolchain.ts';

/** How to make the benchmarks short; what is not named here runs as it is. */
const shortBench: Readonly<Record<string, readonly string[]>> = {
  'run.ts': ['--short'],
  'sync.ts': ['--rtt', '0', '--files', '200', '--big', '5', '--runs', '1'],
};

interface SuiteOptions {
  readonly limitMinutes?: number;
  readonly needs?: readonly string[];
  readonly locks?: readonly string[];
}

function suite(name: string, options: SuiteOptions, run: (context: SuiteContext) => Promise<Outcome>): Suite {
  return { name, limitMinutes: options.limitMinutes ?? 5, needs: options.needs ?? [], locks: options.locks ?? [], run };
}

export interface Place {
  readonly root: string;
  readonly sandboxDirectory: string;
}

export function allSuites({ root, sandboxDirectory }: Place): readonly Suite[] {
  const env = { ...process.env, HPC_AGENT_SANDBOX: sandboxDirectory };
  const at = (...parts: string[]): string => path.join(root, ...parts);
  const bin = (name: string): string => at('node_modules', '.bin', name);
  // The compiler that is a native program: a fifth of the other's time. Its name in .bin is the other's, who is there for those that call it as a library.
  const compiler = at('node_modules', 'typescript-native', 'bin', 'tsc');

  /** A program that proves something by its exit status. */
  const program = (name: string, command: string, args: readonly string[], options: SuiteOptions & { readonly env?: NodeJS.ProcessEnv } = {}): Suite =>
    suite(name, options, async (context) => {
      const end = await runProgram(command, args, { ...context, cwd: root, env: options.env ?? env });
      if (end.code !== 0) return failed([command, ...args].join(' ').replaceAll(`${root}/`, ''), `${end.signal ?? `exit status ${end.code}`}\n${end.tail}`);
      return end.leftovers ? failed('nothing is left running', 'Processes that it started outlived it.') : passed();
    });
  const typescript = (name: string, args: readonly string[], options: SuiteOptions = {}): Suite => program(name, process.execPath, ['--import', 'tsx', ...args], options);

  const files = (folder: string): string[] =>
    fs.existsSync(at(folder)) ? fs.readdirSync(at(folder), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.test.ts')).map((name) => `${folder}/${name}`).sort() : [];
  const hasOwnSandbox = (file: string): boolean => /\bstopSandbox\b/.test(fs.readFileSync(at(file), 'utf8'));
  const usesGrid = (file: string): boolean => /\bstartGridEngine\b/.test(fs.readFileSync(at(file), 'utf8'));
  const usesSandbox = (file: string): boolean => file.endsWith('.sandbox.test.ts') || /\bstartSandbox\b/.test(fs.readFileSync(at(file), 'utf8'));
  const mocha = (name: string, of: readonly string[], options: SuiteOptions): Suite => suite(name, options, (context) => runMocha(of, context, env));

  /** One suite for each folder below `kind`, so that a crash takes only its own room with it. */
  const rooms = (kind: string, options: SuiteOptions): Suite[] => {
    const all = files(`test/${kind}`).filter((file) => !usesSandbox(file));
    const names = [...new Set(all.map((file) => file.split('/').slice(2, -1)[0] ?? 'files'))];
    return names.length === 0 ? [mocha(kind, [], options)] : names.map((name) => mocha(`${kind}:${name}`, all.filter((file) => (file.split('/').slice(2, -1)[0] ?? 'files') === name), options));
  };
  const shortName = (file: string): string => path.basename(file).replace(/(\.sandbox)?\.test\.ts$/, '');
  /** One suite for each file: they are long. */
  const each = (kind: string, of: readonly string[], options: (file: string) => SuiteOptions): Suite[] =>
    of.length === 0 ? [mocha(kind, [], {})] : of.map((file) => mocha(`${kind}:${shortName(file)}`, [file], options(file)));

  /** Those that drive the window share a process and its browser. */
  const windows = new MochaSession('editor-ui', env);
  const inWindows = (all: readonly Suite[], of: readonly string[]): Suite[] => all.map((one, index) => ({ ...one, expect: () => windows.expect(), run: (context) => windows.run(of.slice(index, index + 1), context) }));

  const python = pythonTools(root);
  const pythonFiles = ['templates'];
  const onSandbox = { limitMinutes: 25, needs: ['setup:programs', 'setup:sandbox'], locks: ['sandbox'] };
  const onGrid = { limitMinutes: 20, needs: ['setup:programs', 'setup:grid'], locks: ['grid'] };
  const everywhere = ['test/unit', 'test/contract', 'test/sandbox'].flatMap(files).filter(usesSandbox);
  const bench = fs.existsSync(at('test/bench/run.ts')) ? ['run.ts'] : fs.existsSync(at('test/bench')) ? fs.readdirSync(at('test/bench')).filter((name) => /^[a-z]\w*\.ts$/i.test(name) && name in shortBench) : [];

  return inOrder([
    suite('setup:programs', { limitMinutes: 10, locks: ['apt'] }, installPrograms),
    suite('setup:python', { limitMinutes: 5, locks: ['apt'] }, (context) => installPythonTools(root, context)),
    program('build', process.execPath, ['esbuild.mjs'], { locks: ['dist'] }),
    program('package', bin('vsce'), ['package', '--no-dependencies', '--out', 'hpc-agent.vsix'], { needs: ['build'], locks: ['dist'] }),
    typescript('package:contents', ['test/editor/vsixContents.ts', 'hpc-agent.vsix'], { needs: ['package'], locks: ['dist'] }),
    suite('setup:vscode', { limitMinutes: 15 }, async () => {
      const { ensureEditor } = await import('../editor/setup.ts');
      await ensureEditor();
      return passed();
    }),
    suite('setup:browser', { limitMinutes: 10, locks: ['apt'] }, async () => {
      const { ensureBrowser } = await import('../editor/setup.ts');
      return passed(await ensureBrowser());
    }),
    suite('setup:sandbox', { limitMinutes: 15, needs: ['setup:programs'], locks: ['apt', 'sandbox'] }, async () => {
      const { startSandbox } = await import('../sandbox/sandbox.ts');
      const sandbox = await startSandbox({ stateDirectory: sandboxDirectory });
      return passed(`${sandbox.nodes.length} nodes, sshd on port ${sandbox.ssh.port}`);
    }),
    suite('setup:grid', { limitMinutes: 15, needs: ['setup:programs'], locks: ['apt', 'grid'] }, async () => {
      const { startGridEngine } = await import('../sandbox/gridEngine.ts');
      const grid = await startGridEngine({ stateDirectory: `${sandboxDirectory}-grid` });
      return passed(`Grid Engine on ${grid.hosts.length} hosts, sshd on port ${grid.ssh.port}`);
    }),
    program('check:types', process.execPath, [compiler, '--noEmit']),
    program('check:types-webview', process.execPath, [compiler, '--noEmit', '-p', 'webview']),
    program('check:lint', bin('oxlint'), []),
    program('check:imports', bin('depcruise'), ['src', 'webview', '--config', '.dependency-cruiser.cjs']),
    program('check:python-format', python.ruff, ['format', '--no-cache', '--check', ...pythonFiles], { needs: ['setup:python'] }),
    program('check:python-lint', python.ruff, ['check', '--no-cache', ...pythonFiles], { needs: ['setup:python'] }),
    program('check:python-version', 'python3', [path.join(python.folder, 'bin', 'vermin'), '--target=3.6-', '--violations', '--no-tips', '--no-parse-comments', ...pythonFiles], { needs: ['setup:python'], env: python.env }),
    typescript('check:schemas', ['test/runner/schemas.ts', '--check']),
    typescript('check:manifest', ['src/surfaces/vscode/manifest.ts', '--check']),
    typescript('check:l10n', ['test/runner/l10n.ts']),
    // What breaks a whole cluster for long does it in a sandbox of its own, beside the others.
    ...each('sandbox', everywhere, (file) => (hasOwnSandbox(file) ? { ...onSandbox, locks: [] } : usesGrid(file) ? onGrid : onSandbox)),
    ...each('faults', files('test/faults'), (file) => (usesSandbox(file) ? { ...onSandbox, limitMinutes: 20 } : { limitMinutes: 20, needs: ['setup:programs'] })),
    suite('editor:host', { limitMinutes: 15, needs: ['setup:vscode', 'setup:browser', 'package:contents'], locks: ['editor'] }, async (context) => {
      const end = await runProgram(process.execPath, ['--import', 'tsx', 'test/editor/runHost.ts'], { ...context, cwd: root, env });
      // It removes an old summary before it starts.
      const text = fs.existsSync(at('test-results/editor-host.json')) ? fs.readFileSync(at('test-results/editor-host.json'), 'utf8') : undefined;
      if (text === undefined) return failed('the suites in the extension host', `They left no summary (${end.signal ?? end.code}).\n${end.tail}`);
      const { failures, measurements, ...counts } = JSON.parse(text) as HostSummary;
      if (counts.passed + counts.failed === 0) return failed('tests', 'No test ran in the extension host.');
      if (end.code !== 0 && counts.failed === 0) return failed('the extension host ends well', `${end.signal ?? `exit status ${end.code}`}\n${end.tail}`);
      const note = Object.entries(measurements).map(([name, value]) => `${name} ${Math.round(value * 100) / 100}`).join(', ');
      return { ...counts, failures: failures.map(({ title, message, stack }) => ({ title, text: stack || message })), note };
    }),
    ...inWindows(
      each('editor:ui', files('test/editor/ui'), (file) => {
        const needs = ['setup:vscode', 'setup:browser', 'package:contents'];
        return usesSandbox(file) ? { limitMinutes: 15, needs: [...needs, ...onSandbox.needs], locks: ['editor', 'sandbox'] } : { limitMinutes: 12, needs, locks: ['editor'] };
      }),
      files('test/editor/ui'),
    ),
    ...longFirst([
      ...each('page', files('test/page'), () => ({ limitMinutes: 8, needs: ['setup:vscode', 'setup:browser', 'package:contents'], locks: ['dist'] })),
      ...rooms('unit', { limitMinutes: 20, needs: ['setup:programs'] }),
      ...rooms('contract', { limitMinutes: 20, needs: ['setup:programs'] }),
      mocha('interop', files('test/interop'), { limitMinutes: 8, needs: ['setup:programs', 'setup:python'] }),
      demo(root),
      // That they run is proved here; their figures are for a quiet machine.
      ...(bench.length === 0 ? [mocha('bench', [], {})] : bench.map((name) => typescript(`bench:${path.basename(name, '.ts')}`, [`test/bench/${name}`, ...(shortBench[name] ?? [])], { limitMinutes: 10, needs: ['setup:programs', 'setup:sandbox', 'setup:vscode', 'package:contents'] }))),
    ]),
  ]);
}

/**
 * The two chains, on the editor and on the one cluster, take the longest: first, so that all else runs beside them, and before both who needs both.
 * The checks need nothing and are short: they fill the end.
 */
function inOrder(suites: readonly Suite[]): readonly Suite[] {
  const rank = ({ name, locks }: Suite): number => {
    if (name.startsWith('check:')) return 6;
    if (/^(setup|build|package)\b/.test(name)) return 0;
    if (locks.length > 1) return 1;
    if (locks.includes('editor')) return 2;
    if (locks.includes('sandbox')) return 3;
    return /^(sandbox|faults):/.test(name) ? 4 : 5;
  };
  return [...suites].sort((a, b) => rank(a) - rank(b));
}

/** Those that take more than a minute, the longest first; all others after them as they are. */
const long = ['contract:connection', 'unit:reservations', 'unit:surfaces', 'unit:runs', 'contract:scheduler', 'contract:transfer', 'bench:run', 'interop', 'page:results', 'page:plan'];

function longFirst(suites: readonly Suite[]): readonly Suite[] {
  const rank = ({ name }: Suite): number => (long.includes(name) ? long.indexOf(name) : long.length);
  return [...suites].sort((a, b) => rank(a) - rank(b));
}

/** The demo as a newcomer runs it, in a folder that is thrown away. */
function demo(root: string): Suite {
  return suite('demo', { limitMinutes: 8, needs: ['package:contents'], locks: ['dist'] }, async (context) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hpc-agent-demo-'));
    const end = await runProgram(process.execPath, [path.join(root, 'demo', 'demo.mjs'), folder], { ...context, cwd: root }).finally(() => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }));
    if (end.code !== 0) return failed('npm run demo', `${end.signal ?? `exit status ${end.code}`}\n${end.tail}`);
    if (!end.tail.includes('24 done of 24') || !end.tail.includes('summary.csv')) return failed('npm run demo', `It ended well but shows no results:\n${end.tail}`);
    return end.leftovers ? failed('nothing is left running', 'Processes that it started outlived it.') : passed();
  });
}
