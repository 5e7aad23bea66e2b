/** Bundles what VS Code's side of the tests needs to `out/editor/`: the program that stands in for desktop VS Code, and the suites. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import * as esbuild from 'esbuild';
import { outFolder, root } from './paths.ts';

export interface HarnessBuild {
  readonly executable: string;
  readonly suite: string;
}

export async function buildHarness(): Promise<HarnessBuild> {
  await fs.rm(outFolder, { recursive: true, force: true });
  const common = { absWorkingDir: root, bundle: true, format: 'esm', platform: 'node', target: 'node20', sourcemap: 'inline', logLevel: 'warning', outExtension: { '.js': '.mjs' } } as const;
  const hostFolder = path.join(root, 'test', 'editor', 'host');
  const suites = (await fs.readdir(hostFolder, { recursive: true })).filter((name) => name.endsWith('.test.ts')).map((name) => path.join(hostFolder, name));
  await Promise.all([
    esbuild.build({ ...common, entryPoints: { 'vscode-executable': 'test/editor/vscodeExecutable.ts' }, outdir: outFolder, banner: { js: '#!/usr/bin/env node' } }),
    esbuild.build({ ...common, entryPoints: [path.join(hostFolder, 'index.ts'), ...suites], outdir: path.join(outFolder, 'host'), outbase: hostFolder, packages: 'external', external: ['vscode'] }),
  ]);
  const executable = path.join(outFolder, 'vscode-executable.mjs');
  await fs.chmod(executable, 0o755);
  return { executable, suite: path.join(outFolder, 'host', 'index.mjs') };
}
