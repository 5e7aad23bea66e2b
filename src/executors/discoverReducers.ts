/**
 * Finds the scripts of a workspace that reduce results: by their names, and by what their source does.
 *
 * Rule: source is read, never run. A name or one telltale is enough to be listed, with what told it, best first; what a run's
 * sidecar names counts before all of them, and that is the caller's to say.
 */
import * as path from 'node:path';
import { throwIfAborted } from '../foundation/abort.ts';
import { messageOf } from '../foundation/errors.ts';
import { quoteCommand } from '../foundation/quoting.ts';
import { readSource, scriptsIn, type DiscoverOptions, type DiscoveryProblem } from './discover.ts';
import { childrenOf, parsePython, type PythonSource } from './pythonSource.ts';

export interface Reducer {
  /** Relative to the workspace. */
  readonly path: string;
  readonly name: string;
  /** hpc-agent's signals (`name:aggregate`, `function:reduce`) and ours (`reads:metrics.json`, `uses:HPC_OUTPUT`). */
  readonly matches: readonly string[];
  readonly docstring: string;
  /** How to run it, as cluster-reduce takes it. */
  readonly aggregateCmd: string;
}

const defaultFolders = ['aggregators', 'reducers', 'scoring', 'scripts', 'src'];
const nameHints = ['aggregat', 'reduc', 'scor', 'summar', 'collect', 'combine', 'evaluat', 'metric', 'merge', 'qlike', 'rmse', 'mae', 'loss', 'accuracy'];
const functionNames = new Set(['aggregate', 'reduce', 'summarize', 'summarise', 'score', 'evaluate', 'combine', 'collect', 'merge', 'aggregate_results', 'reduce_results', 'combine_results', 'collect_results']);
const variables = ['HPC_OUTPUT', 'HPC_AGGREGATED_OUTPUT', 'HPC_TASKS', 'HPC_RESULTS_DIR'];
const reading = ['metrics.json', '_combiner'];

/** What a Python file says of itself; empty: nothing that makes it a reducer. */
function signalsOf(file: string, source: PythonSource): string[] {
  const found: string[] = [];
  const stem = path.posix.basename(file, '.py').toLowerCase();
  const hint = nameHints.find((word) => stem.includes(word));
  if (hint !== undefined) found.push(`name:${hint}`);
  let writesResults = false;
  for (const statement of childrenOf(source.tree.topNode)) {
    const definition = statement.name === 'DecoratedStatement' ? statement.getChild('FunctionDefinition') : statement;
    if (definition?.name !== 'FunctionDefinition') continue;
    const name = source.textOf(definition.getChild('VariableName'));
    const takesSomething = (definition.getChild('ParamList')?.getChildren('VariableName').length ?? 0) > 0;
    if (functionNames.has(name) && takesSomething) found.push(`function:${name}`);
    // An executor is started once for each task and leaves the metrics that a reducer reads.
    if (name === 'compute') writesResults = true;
  }
  const strings = source.all('String').map((node) => source.stringOf(node) ?? '');
  for (const name of variables) if (strings.includes(name)) found.push(`uses:${name}`);
  if (strings.some((text) => /RESULT_DIR|HPC_TASK_ID|^HPC_KW_/.test(text) && text !== 'HPC_RESULTS_DIR')) writesResults = true;
  if (!writesResults) for (const name of reading) if (strings.some((text) => text.includes(name))) found.push(`reads:${name}`);
  const telling = found.some((signal) => signal.startsWith('name:') || signal.startsWith('function:') || signal.startsWith('uses:'));
  // To read metrics.json alone makes no reducer of a file that says nothing else: a plot does as well.
  return telling ? found : [];
}

export async function discoverReducers(directory: string, options: DiscoverOptions): Promise<{ readonly reducers: readonly Reducer[]; readonly problems: readonly DiscoveryProblem[] }> {
  const { root, files, problems } = await scriptsIn(directory, { ...options, searchDirs: options.searchDirs ?? [...defaultFolders, '.'] });
  const reducers: Reducer[] = [];
  for (const file of files) {
    throwIfAborted(options.signal);
    if (!file.endsWith('.py')) continue;
    const read = await readSource(path.join(root, file));
    if ('problem' in read) {
      problems.push({ path: file, message: read.problem });
      continue;
    }
    try {
      const source = await parsePython(read.text.replace(/^\uFEFF/, ''));
      const matches = signalsOf(file, source);
      if (matches.length === 0) continue;
      reducers.push({ path: file, name: path.posix.basename(file, '.py'), matches, docstring: source.summaryOf(childrenOf(source.tree.topNode)), aggregateCmd: quoteCommand(['python3', file.startsWith('-') ? `./${file}` : file]) });
    } catch (error) {
      problems.push({ path: file, message: `Could not be understood: ${messageOf(error)}.` });
    }
  }
  reducers.sort((a, b) => b.matches.length - a.matches.length || (a.path < b.path ? -1 : 1));
  return { reducers, problems };
}
