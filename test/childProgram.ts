/**
 * A program of the tests as one file that plain Node starts: compiling its hundreds of sources anew costs seconds of computing for each process.
 *
 * Rule: each source still sees its own place (`import.meta.dirname`), and the file goes with the process that asked for it.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as esbuild from 'esbuild';

const root = path.dirname(import.meta.dirname);
const bundles = new Map<string, Promise<string>>();

const ownPlaces: esbuild.Plugin = {
  name: 'own-places',
  setup: (build) => {
    build.onLoad({ filter: /\.ts$/ }, async ({ path: file }) => {
      const text = await fs.promises.readFile(file, 'utf8');
      return { contents: text.replaceAll('import.meta.dirname', JSON.stringify(path.dirname(file))), loader: 'ts' };
    });
  },
};

async function bundle(file: string): Promise<string> {
  // Below the root, where its packages are found.
  const folder = path.join(root, 'test-results', 'children');
  fs.mkdirSync(folder, { recursive: true });
  const outfile = path.join(folder, `${path.basename(file, '.ts')}-${process.pid}.mjs`);
  process.once('exit', () => fs.rmSync(outfile, { force: true }));
  await esbuild.build({ absWorkingDir: root, entryPoints: [file], outfile, bundle: true, format: 'esm', platform: 'node', target: 'node20', packages: 'external', plugins: [ownPlaces], logLevel: 'error' });
  return outfile;
}

/** What to start with `process.execPath`. Bundled once per process. */
export function childProgram(file: string): Promise<string> {
  const found = bundles.get(file) ?? bundle(file);
  bundles.set(file, found);
  return found;
}
