/** Packs the extensions that only the tests have: the fixture, which shows one of everything for the page drivers, and one that does nothing. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { createVSIX } from '@vscode/vsce';
import { outFolder, root } from './paths.ts';

export async function packFixture(name: 'fixture' | 'empty' = 'fixture'): Promise<string> {
  await fs.mkdir(outFolder, { recursive: true });
  const packagePath = path.join(outFolder, `driver-${name}.vsix`);
  await createVSIX({ cwd: path.join(root, 'test', 'editor', name), packagePath, dependencies: false, allowMissingRepository: true, skipLicense: true });
  return packagePath;
}
