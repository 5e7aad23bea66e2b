/**
 * Sources as one file that plain Node starts: loading them through a compiler, hundreds of them, costs seconds of computing for each process.
 *
 * Rule: each source still sees its own place (`import.meta.dirname`, `import.meta.url`), and the file goes with the process that asked for it.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import * as esbuild from 'esbuild';

const root = path.dirname(import.meta.dirname);
const bundles = new Map<string, Promise<string>>();

const ownPlaces = (files: readonly string[]): esbuild.Plugin => ({
  name: 'own-places',
  setup: (build) => {
    build.onLoad({ filter: /\.ts$/ }, async ({ path: file }) => {
      const text = await fs.promises.readFile(file, 'utf8');
      // A source that starts itself as a thread is a file of its own for that: without the tests around it.
      const isThread = text.includes('new Worker(new URL(import.meta.url)');
      if (isThread && files.includes(file)) return undefined;
      const url = pathToFileURL(isThread ? await childProgram(file) : file).href;
      // Patterns, not strings: this file is bundled too, and must not replace its own words.
      return { contents: text.replace(/\bimport\.meta\.dirname\b/g, () => JSON.stringify(path.dirname(file))).replace(/\bimport\.meta\.url\b/g, () => JSON.stringify(url)), loader: 'ts' };
    });
  },
});

/** The files, loaded one after the other, as one. Whoever asks removes it. */
export async function bundled(files: readonly string[], name: string): Promise<string> {
  // Below the root, where its packages are found.
  const folder = path.join(root, 'test-results', 'children');
  fs.mkdirSync(folder, { recursive: true });
  const outfile = path.join(folder, `${name}-${process.pid}.mjs`);
  const contents = files.map((file) => `import ${JSON.stringify(path.resolve(root, file))};`).join('\n');
  await esbuild.build({ absWorkingDir: root, stdin: { contents, resolveDir: root }, outfile, bundle: true, format: 'esm', platform: 'node', target: 'node20', packages: 'external', sourcemap: 'inline', sourcesContent: false, plugins: [ownPlaces(files)], logLevel: 'error' });
  return outfile;
}

/** What to start with `process.execPath`. Bundled once per process. */
export function childProgram(file: string): Promise<string> {
  const found =
    bundles.get(file) ??
    bundled([file], path.basename(file, '.ts')).then((outfile) => {
      process.once('exit', () => fs.rmSync(outfile, { force: true }));
      return outfile;
    });
  bundles.set(file, found);
  return found;
}
