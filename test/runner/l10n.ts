/**
 * Holds the sentences in the code against the bundles of `l10n/`: none is missing, none is left over, each translation is whole,
 * and what people see goes through `l10n.t`.
 *
 *   tsx test/runner/l10n.ts            what is wrong
 *   tsx test/runner/l10n.ts --write    also writes the English bundle anew, and puts what is new, empty, into the others
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { faultsOf, readSource } from './sentences.ts';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const write = process.argv.includes('--write');
const problems: string[] = [];

type Bundle = Readonly<Record<string, string>>;
const read = (file: string): Bundle => (fs.existsSync(path.join(root, file)) ? (JSON.parse(fs.readFileSync(path.join(root, file), 'utf8')) as Bundle) : {});
/** One sentence a line, sorted: changes of two people merge. */
const save = (file: string, bundle: Bundle): void => {
  const sorted = Object.fromEntries(Object.entries(bundle).sort(([a], [b]) => (a < b ? -1 : 1)));
  fs.writeFileSync(path.join(root, file), `${JSON.stringify(sorted, null, 2)}\n`);
};

const used = new Map<string, string>();
const files = [
  'src/extension.ts',
  ...['src/surfaces/vscode', 'webview'].flatMap((folder) => fs.readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts')).map((name) => `${folder}/${name}`)),
].sort();
for (const file of files) {
  const { sentences, problems: found } = readSource(file, fs.readFileSync(path.join(root, file), 'utf8'));
  for (const { text, line } of sentences) if (!used.has(text)) used.set(text, `${file}:${line}`);
  for (const { text, line } of found) problems.push(`${file}:${line}: people see this, but it is not in l10n.t: ${text}`);
}

const english = Object.fromEntries([...used.keys()].map((text) => [text, text]));
if (write) save('l10n/bundle.l10n.json', english);
for (const file of fs.readdirSync(path.join(root, 'l10n')).filter((name) => name.startsWith('bundle.l10n.') && name.endsWith('.json'))) {
  const language = /^bundle\.l10n\.(.+)\.json$/.exec(file)?.[1];
  let bundle = read(`l10n/${file}`);
  if (write && language !== undefined) {
    bundle = Object.fromEntries([...used.keys()].map((text) => [text, bundle[text] ?? '']));
    save(`l10n/${file}`, bundle);
  }
  for (const [text, where] of used) if (bundle[text] === undefined || bundle[text] === '') problems.push(`l10n/${file} lacks ${JSON.stringify(text)} (${where})`);
  for (const [text, translation] of Object.entries(bundle)) {
    if (!used.has(text)) problems.push(`l10n/${file} has a sentence that nothing says: ${JSON.stringify(text)}`);
    else if (translation !== '') for (const fault of faultsOf(text, translation, language ?? 'en')) problems.push(`l10n/${file}: ${fault}: ${JSON.stringify(translation)}`);
  }
}

// package.json's sentences: `npm run manifest` keeps the English ones.
const named = read('package.nls.json');
for (const file of fs.readdirSync(root).filter((name) => /^package\.nls\..+\.json$/.test(name))) {
  const translated = read(file);
  for (const key of Object.keys(named)) if (translated[key] === undefined || translated[key] === '') problems.push(`${file} lacks ${key}: ${JSON.stringify(named[key])}`);
  for (const [key, words] of Object.entries(translated)) {
    const links = (text: string): string => [...text.matchAll(/\]\(command:([^)]+)\)/g)].map(([, command]) => command).join(' ');
    if (named[key] === undefined) problems.push(`${file} has a key that package.json does not use: ${key}`);
    else if (links(words) !== links(named[key])) problems.push(`${file}: the commands of ${key} are other ones: ${links(words)}`);
  }
}

if (problems.length > 0) {
  process.stderr.write(`${problems.join('\n')}\n\n${problems.length} problems. \`npm run l10n\` writes the English bundle and the places of the translations.\n`);
  if (!process.argv.includes('--warn')) process.exitCode = 1;
} else process.stdout.write(`${used.size} sentences.\n`);
