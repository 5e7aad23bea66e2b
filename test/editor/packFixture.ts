/** Packs the fixture extension, which shows one of everything, for the tests of the page drivers. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { createVSIX } from '@vscode/vsce';
import { outFolder, root } from './paths.ts';

export async function packFixture(): Promise<string> {
  await fs.mkdir(outFolder, { recursive: true });
  const packagePath = path.join(outFolder, 'driver-fixture.vsix');
  await createVSIX({ cwd: path.join(root, 'test', 'editor', 'fixture'), packagePath, dependencies: false, allowMissingRepository: true, skipLicense: true });
  return packagePath;
}
