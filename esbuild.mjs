/**
 * Builds what ships: `dist/extension.js` and `dist/cli.js` (ESM, sharing lazily loaded chunks) and `dist/webview.js`.
 *
 * Rules: nothing native is bundled (ssh2 runs on its own JavaScript when its addons are absent); nothing that the command
 * line loads may import `vscode`; the notices of every bundled package are written beside the bundles.
 *
 *   node esbuild.mjs                development build with source maps
 *   node esbuild.mjs --production   minified, no source maps
 *   node esbuild.mjs --watch        development build, again at each change
 *   node esbuild.mjs --analyze      also prints what is in the bundles, and writes dist/meta.json
 */
import * as fs from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import * as path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as esbuild from 'esbuild';

const root = path.dirname(fileURLToPath(import.meta.url));
const flags = new Set(process.argv.slice(2));
const production = flags.has('--production');

/** CommonJS packages inside an ES module look for these three names. */
const commonJsNames =
  'import{createRequire as __createRequire}from"node:module";import{fileURLToPath as __toPath}from"node:url";' +
  'const require=__createRequire(import.meta.url),__filename=__toPath(import.meta.url),__dirname=__toPath(new URL(".",import.meta.url));';

/** Most chunks need none of the names: without the line each of the two hundred loads faster, and the package is a few per cent smaller. */
const whereNamesAreUsed = {
  name: 'where-names-are-used',
  setup(build) {
    build.onEnd(async ({ metafile }) => {
      for (const output of Object.keys(metafile?.outputs ?? {}).filter((name) => name.endsWith('.js'))) {
        const file = path.join(root, output);
        const text = await fs.readFile(file, 'utf8');
        const at = text.indexOf(commonJsNames);
        if (at < 0) continue;
        const rest = text.slice(at + commonJsNames.length);
        // An empty line stays where there is a source map.
        if (!/\brequire\b|__filename|__dirname/.test(rest)) await fs.writeFile(file, text.slice(0, at) + (production ? rest.trimStart() : rest));
      }
    });
  },
};

/** Addons become modules that throw when required: their users catch that and take the JavaScript way. */
const withoutAddons = {
  name: 'without-addons',
  setup(build) {
    build.onResolve({ filter: /^cpu-features$|\.node$/ }, (args) => ({ path: args.path, namespace: 'addon' }));
    build.onLoad({ filter: /.*/, namespace: 'addon' }, () => ({ contents: 'throw new Error("Native addons are not shipped.");', loader: 'js' }));
  },
};

/**
 * Parts of packages that nothing here reaches, a tenth of the package together: the MCP package's default validator (a compiler, for answers with
 * fields; ours asks for none and brings its own), of ssh2 the server, SFTP and the making of keys, and of tweetnacl all but the hash with which
 * bcrypt-pbkdf begins, which Node has; and the colours of the Python grammar.
 */
const withoutUnusedParts = {
  name: 'without-unused-parts',
  setup(build) {
    build.onLoad({ filter: /[\\/]validation[\\/]ajv-provider\.js$/ }, () => ({ contents: 'export class AjvJsonSchemaValidator { constructor() { throw new Error("The schema compiler is not shipped."); } }', loader: 'js' }));
    build.onLoad({ filter: /[\\/]ssh2[\\/]lib[\\/](server|keygen|protocol[\\/]SFTP)\.js$/ }, () => ({ contents: 'module.exports = {};', loader: 'js' }));
    build.onLoad({ filter: /[\\/]@lezer[\\/]highlight[\\/]dist[\\/]index\.js$/ }, () => ({ contents: 'export const styleTags = () => () => null; const any = new Proxy(() => any, { get: () => any }); export const tags = any;', loader: 'js' }));
    build.onLoad({ filter: /[\\/]tweetnacl[\\/]nacl-fast\.js$/ }, () => ({ contents: 'const { createHash } = require("node:crypto"); exports.lowlevel = { crypto_hash: (out, message, length) => void out.set(createHash("sha512").update(message.subarray(0, length)).digest()) };', loader: 'js' }));
  },
};

/** Modules of ours that are small, need no package and are used in many places, by absolute path. */
async function commonModules() {
  const files = (await fs.readdir(path.join(root, 'src'), { recursive: true })).filter((name) => name.endsWith('.ts')).map((name) => path.join(root, 'src', name));
  const modules = new Map(
    await Promise.all(
      files.map(async (file) => {
        const text = await fs.readFile(file, 'utf8');
        return [file, { size: text.length, imports: [...text.matchAll(/^(?:import|export) (?!type )[^;]*?from '([^']+)'/gm)].map(([, name]) => (name.startsWith('.') ? path.resolve(path.dirname(file), name) : name)) }];
      }),
    ),
  );
  const users = new Map();
  for (const { imports } of modules.values()) for (const name of imports) users.set(name, (users.get(name) ?? 0) + 1);
  const isCommon = (name, above = []) => {
    const found = modules.get(name);
    return isBuiltin(name) || (found !== undefined && found.size < 6000 && (users.get(name) ?? 0) >= 4 && !above.includes(name) && found.imports.every((other) => isCommon(other, [...above, name])));
  };
  return files.filter((file) => isCommon(file));
}

/**
 * They lie in one file, not in one for each set of those that use them: fewer files to open at a start and in the package. Every other
 * module of ours is made to need all of them, which is what keeps them together.
 */
const commonTogether = {
  name: 'common-together',
  async setup(build) {
    const common = new Set(await commonModules());
    build.onResolve({ filter: /^hpc-agent:common$/ }, () => ({ path: 'all', namespace: 'common', sideEffects: true }));
    build.onLoad({ filter: /.*/, namespace: 'common' }, () => ({ contents: [...common].map((file) => `import ${JSON.stringify(file)};`).join('\n'), resolveDir: root, loader: 'js' }));
    build.onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, async ({ path: file }) => {
      const text = await fs.readFile(file, 'utf8');
      if (common.has(file)) return { contents: text, loader: 'ts' };
      // The command line's first line, which npm's `bin` needs.
      const hashbang = file === path.join(root, 'src', 'cli.ts') ? '#!/usr/bin/env node\n' : '';
      return { contents: `${hashbang}${text}\nimport 'hpc-agent:common';\n`, loader: 'ts' };
    });
  },
};

/**
 * `await import('yaml')` must give in the bundle what it gives in Node: for a CommonJS package, its exports by name and all
 * of them as `default`. esbuild alone gives only `default`, which no test on the sources would notice.
 */
const asNodeImports = {
  name: 'as-node-imports',
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, async (args) => {
      if (args.kind !== 'dynamic-import' || args.pluginData === 'resolved' || isBuiltin(args.path)) return undefined;
      const found = await build.resolve(args.path, { kind: args.kind, resolveDir: args.resolveDir, importer: args.importer, pluginData: 'resolved' });
      if (found.errors.length > 0 || found.external || found.namespace !== 'file') return found;
      const isModule = /^\s*(import|export)\b/m.test(await fs.readFile(found.path, 'utf8'));
      return isModule ? found : { path: found.path, namespace: 'commonjs', pluginData: args.resolveDir };
    });
    build.onLoad({ filter: /.*/, namespace: 'commonjs' }, async (args) => {
      const loaded = await import(pathToFileURL(args.path).href);
      // Node sees only the names that it can read off the source (of ssh2 none); loaders of the tests see all.
      const all = new Set([...Object.keys(loaded), ...Object.keys(loaded.default ?? {})]);
      const names = [...all].filter((name) => name !== 'default' && name !== 'module.exports' && /^[A-Za-z_$][\w$]*$/.test(name));
      const lines = [`const all = require(${JSON.stringify(args.path)});`, 'export default all;', ...names.map((name, index) => `const name${index} = all.${name}; export { name${index} as ${name} };`)];
      return { contents: lines.join('\n'), loader: 'js', resolveDir: args.pluginData };
    });
  },
};

const common = {
  absWorkingDir: root,
  bundle: true,
  metafile: true,
  minify: production,
  sourcemap: production ? false : 'linked',
  legalComments: 'none',
  // Quotes and dashes of sentences as they are, not as six characters each.
  charset: 'utf8',
  logLevel: 'info',
};

async function existing(entries) {
  const found = await Promise.all(entries.map((entry) => fs.access(path.join(root, entry)).then(() => [entry], () => [])));
  return found.flat();
}

async function buildOptions() {
  const options = [];
  const node = await existing(['src/extension.ts', 'src/cli.ts']);
  if (node.length > 0) {
    options.push({
      ...common,
      entryPoints: node,
      outdir: 'dist',
      format: 'esm',
      splitting: true,
      platform: 'node',
      target: 'node20',
      // Without names: each stands in the package and in every chunk that loads it.
      // Each name is twice in the package's list: 283 short ones weigh 3 KB less.
      chunkNames: 'c/[hash]',
      external: ['vscode'],
      banner: { js: commonJsNames },
      plugins: [withoutAddons, withoutUnusedParts, commonTogether, asNodeImports, whereNamesAreUsed],
    });
  }
  for (const entry of await existing(['webview/main.ts'])) {
    options.push({ ...common, entryPoints: { webview: entry }, outdir: 'dist', format: 'iife', platform: 'browser', target: 'chrome128' });
  }
  return options;
}

/** Every output that loading `output` may load, now or later. */
function reachable(metafile, output) {
  const seen = new Set();
  const visit = (name) => {
    if (seen.has(name) || metafile.outputs[name] === undefined) return;
    seen.add(name);
    for (const item of metafile.outputs[name].imports) visit(item.path);
  };
  visit(output);
  return [...seen];
}

function refuseVscodeInCommandLine(metafile) {
  const guilty = reachable(metafile, 'dist/cli.js').find((name) => metafile.outputs[name].imports.some((item) => item.path === 'vscode'));
  if (guilty !== undefined) throw new Error(`dist/cli.js reaches ${guilty}, which imports vscode: only src/extension.ts and src/surfaces/vscode/ may.`);
}

async function writeNotices(metafiles) {
  const packages = new Set(metafiles.flatMap((metafile) => Object.keys(metafile.inputs)).filter((file) => !file.startsWith('commonjs:')).flatMap((file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? []));
  const parts = [];
  for (const folder of [...packages].sort()) {
    const manifest = JSON.parse(await fs.readFile(path.join(root, folder, 'package.json'), 'utf8'));
    const files = (await fs.readdir(path.join(root, folder))).filter((name) => /^(licen[cs]e|copying|notice)/i.test(name)).sort();
    const texts = await Promise.all(files.map((name) => fs.readFile(path.join(root, folder, name), 'utf8')));
    parts.push({ licence: manifest.license ?? 'see below', name: `${manifest.name} ${manifest.version}`, texts: texts.map((text) => text.trim()) });
  }
  // Texts that are alike stand beside each other, and weigh less in the package so.
  parts.sort((a, b) => a.licence.localeCompare(b.licence, 'en') || a.name.localeCompare(b.name, 'en'));
  const head = 'HPC Agent contains the following packages.';
  await fs.writeFile(path.join(root, 'dist/THIRD-PARTY-NOTICES.txt'), `${[head, ...parts.map(({ licence, name, texts }) => [`${name} (${licence})`, ...texts].join('\n\n'))].join(`\n\n${'-'.repeat(80)}\n\n`)}\n`);
}

/** What a start loads at once, and what may follow. */
function report(metafile) {
  const size = (names) => `${(names.reduce((sum, name) => sum + metafile.outputs[name].bytes, 0) / 1024).toFixed(1)} KiB`;
  for (const entry of Object.keys(metafile.outputs).filter((name) => metafile.outputs[name].entryPoint && /^dist\/[^/]+\.js$/.test(name))) {
    const all = reachable(metafile, entry);
    const eager = new Set();
    const visit = (name) => {
      if (eager.has(name) || metafile.outputs[name] === undefined) return;
      eager.add(name);
      for (const item of metafile.outputs[name].imports) if (item.kind === 'import-statement') visit(item.path);
    };
    visit(entry);
    console.log(`${entry}: ${size([...eager])} at start, ${size(all)} with everything loaded later (${all.length} files)`);
  }
}

await fs.rm(path.join(root, 'dist'), { recursive: true, force: true });
await fs.mkdir(path.join(root, 'dist'), { recursive: true });
const options = await buildOptions();

if (flags.has('--watch')) {
  await Promise.all(options.map(async (option) => (await esbuild.context(option)).watch()));
} else {
  const results = await Promise.all(options.map((option) => esbuild.build(option)));
  const metafiles = results.map((result) => result.metafile);
  metafiles.forEach(refuseVscodeInCommandLine);
  await writeNotices(metafiles);
  if (metafiles.some((metafile) => metafile.outputs['dist/cli.js'])) await fs.chmod(path.join(root, 'dist/cli.js'), 0o755);
  if (flags.has('--analyze')) {
    for (const metafile of metafiles) {
      console.log(await esbuild.analyzeMetafile(metafile));
      report(metafile);
    }
    await fs.writeFile(path.join(root, 'dist/meta.json'), JSON.stringify(metafiles));
  }
}
