/**
 * Checks what a .vsix holds: prints every file with its size and fails on anything that is not expected, on anything
 * needed that is missing, and above the size budget of 1 MB.
 *
 *   tsx test/editor/vsixContents.ts hpc-agent.vsix
 */
import * as fs from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { readZip } from './zip.ts';

const budgetBytes = 1024 * 1024;

const expected: readonly RegExp[] = [
  /^extension\.vsixmanifest$/,
  /^\[Content_Types\]\.xml$/,
  /^extension\/(package\.json|LICENSE\.txt|readme\.md|changelog\.md)$/i,
  /^extension\/dist\/(extension|cli|webview)\.js$/,
  /^extension\/dist\/webview\.css$/,
  /^extension\/dist\/c\/[A-Za-z0-9._-]+\.js$/,
  /^extension\/dist\/THIRD-PARTY-NOTICES\.txt$/,
  /^extension\/templates\/(\w[\w-]*\/)*\w[\w-]*(\.\w+)?\.(py|njk|sh|md|json|yaml|csv)$/,
  /^extension\/schemas\/[\w./-]+\.json$/,
  /^extension\/package\.nls(\.de)?\.json$/,
  /^extension\/l10n\/bundle\.l10n\.de\.json$/,
  /^extension\/media\/(?!icon\.svg)[\w./-]+\.(png|svg|md)$/,
];

const needed: readonly string[] = ['extension/package.json', 'extension/LICENSE.txt', 'extension/dist/extension.js', 'extension/l10n/bundle.l10n.de.json', 'extension/media/icon.png', 'extension/media/activity.svg', 'extension/templates/sample/data/co2_monthly.csv'];

export interface VsixReport {
  readonly bytes: number;
  readonly lines: readonly string[];
  readonly problems: readonly string[];
}

export async function checkVsix(file: string): Promise<VsixReport> {
  const entries = await readZip(file);
  const { size: bytes } = await fs.stat(file);
  const names = new Set(entries.map((entry) => entry.name));
  const problems = [
    ...entries.filter((entry) => !expected.some((pattern) => pattern.test(entry.name))).map((entry) => `unexpected: ${entry.name}`),
    ...needed.filter((name) => !names.has(name)).map((name) => `missing: ${name}`),
    ...entries.filter((entry) => entry.name.endsWith(".js") && entry.read().includes('sourceMappingURL=')).map((entry) => `not a production build: ${entry.name}`),
    ...(bytes > budgetBytes ? [`too big: ${bytes} bytes, the budget is ${budgetBytes}`] : []),
  ];
  const lines = [...entries]
    .sort((a, b) => b.packedBytes - a.packedBytes)
    .map((entry) => `${String(entry.packedBytes).padStart(9)} ${String(entry.bytes).padStart(9)}  ${entry.name}`);
  return { bytes, lines, problems };
}

async function main(file: string): Promise<void> {
  const { bytes, lines, problems } = await checkVsix(file);
  console.log(['   packed     bytes  file', ...lines, `${file}: ${lines.length} files, ${(bytes / 1024).toFixed(1)} KiB`].join('\n'));
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main(process.argv[2] ?? 'hpc-agent.vsix');
