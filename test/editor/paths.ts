/** Where things lie, found from the package's root so that a bundled copy of this file agrees with its source. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

function findRoot(from: string): string {
  for (let folder = from; ; folder = path.dirname(folder)) {
    if (fs.existsSync(path.join(folder, 'esbuild.mjs'))) return folder;
    if (folder === path.dirname(folder)) throw new Error(`No package root above ${from}.`);
  }
}

export const root = findRoot(path.dirname(fileURLToPath(import.meta.url)));
/** VS Code, its Node and the browser driver: big, kept between test runs, shared by checkouts through HPC_AGENT_EDITOR_CACHE. */
export const cacheFolder = process.env.HPC_AGENT_EDITOR_CACHE ?? path.join(root, '.vscode-test');
export const outFolder = path.join(root, 'out', 'editor');
export const resultsFolder = path.join(root, 'test-results');
export const vsixFile = path.join(root, 'hpc-agent.vsix');
