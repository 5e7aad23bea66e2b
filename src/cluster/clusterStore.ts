/**
 * The clusters of a user: workspace file over user file over what is built in.
 *
 * Rules: files are read at each question (they are small, and people edit them); a broken entry hides only its own cluster,
 * a file of which nothing can be read hides every cluster that it could have changed; `this-computer` is always there.
 */
import * as path from 'node:path';
import { readTextIfThere } from '../foundation/atomicFile.ts';
import { HpcError, messageOf } from '../foundation/errors.ts';
import { formatProblem, problemsToError, type ConfigProblem } from './configProblem.ts';
import { parseClustersYaml, type ClustersFile } from './clustersYaml.ts';
import { didYouMean, nearMisses } from './nearMiss.ts';
import { thisComputer, type ClusterProfile, type ValueOrigin } from './profile.ts';
import { readLayer, type Layer, type LayerValue } from './readLayer.ts';
import { mergeLayers, resolveProfile, type ResolveContext } from './resolveProfile.ts';

export interface ClusterStoreOptions {
  /** Holds `.hpc/clusters.yaml`. */
  readonly workspaceDirectory?: string;
  /** Whether the workspace may decide where commands run. */
  readonly trusted: boolean;
  /** The user's home folder on this computer. */
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How files are read; undefined for one that is not there. For a look at what a file would say. */
  readonly readText?: (file: string) => Promise<string | undefined>;
}

export interface ClusterList {
  /** In the order of the files; `this-computer` last. */
  readonly profiles: readonly ClusterProfile[];
  readonly problems: readonly ConfigProblem[];
}

export interface ExplainedValue {
  /** As the file writes it: `constraints.max_array_size`. */
  readonly key: string;
  /** As it was written; for a default, the default. */
  readonly value: unknown;
  readonly origin: ValueOrigin;
  /** What lower layers said, highest first. */
  readonly overridden: readonly { readonly value: unknown; readonly origin: ValueOrigin }[];
}

type FileScope = 'workspace' | 'user';
interface Reading {
  readonly layers: ReadonlyMap<string, readonly Layer[]>;
  /** Clusters with an error in one of their entries. */
  readonly broken: ReadonlySet<string>;
  readonly unreadable: readonly ConfigProblem[];
  readonly problems: readonly ConfigProblem[];
}

/** The folder of the user's own files: `HPC_AGENT_HOME`, else `~/.hpc-agent`. */
export function agentHome(home: string, env: Readonly<Record<string, string | undefined>>): string {
  const stated = env.HPC_AGENT_HOME;
  return stated === undefined || stated === '' ? path.join(home, '.hpc-agent') : path.resolve(withHome(stated, home));
}

function withHome(file: string, home: string): string {
  return file === '~' || /^~[/\\]/.test(file) ? path.join(home, file.slice(1)) : file;
}

export class ClusterStore {
  private readonly options: ClusterStoreOptions;
  readonly agentHome: string;
  /** `HPC_CLUSTERS_CONFIG`, else `clusters.yaml` in the agent's home. */
  readonly userFile: string;
  readonly workspaceFile: string | undefined;
  readonly trusted: boolean;

  constructor(options: ClusterStoreOptions) {
    this.options = options;
    this.trusted = options.trusted;
    this.agentHome = agentHome(options.home, options.env);
    const replaced = options.env.HPC_CLUSTERS_CONFIG;
    this.userFile = replaced === undefined || replaced === '' ? path.join(this.agentHome, 'clusters.yaml') : path.resolve(withHome(replaced, options.home));
    this.workspaceFile = options.workspaceDirectory === undefined ? undefined : path.join(options.workspaceDirectory, '.hpc', 'clusters.yaml');
  }

  /** The same store, but with these files read as if they held these texts. */
  withTexts(texts: ReadonlyMap<string, string>): ClusterStore {
    const read = this.options.readText ?? readTextIfThere;
    return new ClusterStore({ ...this.options, readText: async (file) => texts.get(file) ?? (await read(file)) });
  }

  async list(): Promise<ClusterList> {
    const reading = await this.read();
    const problems = [...reading.problems];
    const profiles: ClusterProfile[] = [];
    for (const name of reading.layers.keys()) {
      try {
        profiles.push(this.resolve(name, reading));
      } catch (error) {
        if (!HpcError.is(error, 'config_invalid')) throw error;
        // An entry's own errors are in the list already; what only shows in the whole is added here.
        if (!reading.broken.has(name) && reading.unreadable.length === 0) problems.push(this.asProblem(name, error, reading));
        if (name === thisComputer) profiles.push(this.resolveLayers(name, [this.builtIn()]));
      }
    }
    return { profiles, problems };
  }

  /** Throws `cluster_unknown` naming near matches, or `config_invalid` with the place of the mistake. */
  async get(name: string): Promise<ClusterProfile> {
    const reading = await this.read();
    if (!reading.layers.has(name)) {
      const [first, ...others] = reading.unreadable;
      if (first) throw problemsToError([first, ...others]);
      const known = [...reading.layers.keys()];
      const near = nearMisses(name, known);
      throw new HpcError('cluster_unknown', `There is no cluster ${JSON.stringify(name)}.${didYouMean(name, known)}`, {
        remediation: `Known clusters: ${known.join(', ')}. Add another with "HPC Agent: Add Cluster" or in ${this.userFile}.`,
        details: { cluster: name, known, near },
      });
    }
    return this.resolve(name, reading);
  }

  /** Every value of a cluster with its origin, sorted by key. Throws as `get` does. */
  async explain(name: string): Promise<readonly ExplainedValue[]> {
    const profile = await this.get(name);
    const layers = (await this.read()).layers.get(name) ?? [];
    const shown: Readonly<Record<string, unknown>> = {
      scratch: profile.scratch,
      connection: profile.connection.kind === 'local' ? 'local' : (profile.connection.transport ?? 'auto'),
      'constraints.max_array_size': profile.constraints.maxArraySize,
      'constraints.max_walltime': profile.constraints.maxWalltimeS,
      'constraints.max_concurrent_jobs': profile.constraints.maxConcurrentJobs,
      'constraints.est_spin_up': profile.constraints.estSpinUpS,
      cold_start_mem_buffer: profile.coldStartMemBuffer,
      walltime_arbitrage: profile.walltimeArbitrage,
      max_walltime_sec: profile.maxWalltimeS,
    };
    const keys = new Set([...Object.keys(profile.origins), ...layers.flatMap((layer) => [...layer.keys()])]);
    return [...keys].sort().map((key): ExplainedValue => {
      // A key without a value takes the lower ones away, so the default holds where there is one.
      const [top, ...overridden] = layers.map((layer) => layer.get(key)).filter((value) => value !== undefined);
      if (top === undefined || (top.value === null && key in shown)) return { key, value: shown[key], origin: { scope: 'default' }, overridden: top === undefined ? [] : [top, ...overridden] };
      return { key, value: top.value, origin: top.origin, overridden };
    });
  }

  private context(): ResolveContext {
    const { workspaceDirectory, home } = this.options;
    return { home, baseDirectories: { user: path.dirname(this.userFile), 'built-in': this.agentHome, default: home, ...(workspaceDirectory === undefined ? {} : { workspace: workspaceDirectory }) } };
  }

  private builtIn(): Layer {
    const values: Readonly<Record<string, unknown>> = {
      scheduler: 'background',
      connection: 'local',
      scratch: path.join(this.agentHome, thisComputer),
      'constraints.max_array_size': 10_000,
      'constraints.max_walltime': '30-00:00:00',
      'constraints.est_spin_up': 0,
      max_walltime_sec: '30-00:00:00',
      cold_start_mem_buffer: 0,
      walltime_arbitrage: false,
    };
    return new Map(Object.entries(values).map(([key, value]): [string, LayerValue] => [key, { value, origin: { scope: 'built-in' } }]));
  }

  private resolve(name: string, reading: Reading): ClusterProfile {
    const layers = reading.layers.get(name) ?? [];
    const errors = reading.problems.filter((problem) => problem.severity === 'error' && problem.cluster === name);
    const [first, ...others] = errors.length > 0 ? errors : reading.unreadable;
    if (first) {
      // The built-in cluster stays: without it there would be no place to work while the file is being repaired.
      if (name === thisComputer) return this.resolveLayers(name, [this.builtIn()]);
      throw problemsToError([first, ...others]);
    }
    return this.resolveLayers(name, layers);
  }

  private resolveLayers(name: string, layers: readonly Layer[]): ClusterProfile {
    return resolveProfile(name, mergeLayers(layers), this.context());
  }

  private asProblem(name: string, error: HpcError, reading: Reading): ConfigProblem {
    const origin = [...(reading.layers.get(name)?.[0]?.values() ?? [])][0]?.origin;
    const file = origin?.file ?? this.userFile;
    const place = origin?.line === undefined ? {} : { line: origin.line, column: origin.column ?? 1 };
    return { severity: 'error', cluster: name, file, ...place, message: error.message.replace(/^.*?:\d+:\d+: /, ''), remediation: error.remediation ?? '' };
  }

  private async read(): Promise<Reading> {
    const { trusted } = this.options;
    const problems: ConfigProblem[] = [];
    const broken = new Set<string>();
    const unreadable: ConfigProblem[] = [];
    const layers = new Map<string, Layer[]>();
    const sources: [FileScope, string | undefined][] = [['workspace', this.workspaceFile], ['user', this.userFile]];
    for (const [scope, file] of sources) {
      const parsed = file === undefined ? undefined : await this.readFile(scope, file);
      if (file === undefined || parsed === undefined) continue;
      if (scope === 'workspace' && !trusted) {
        problems.push({ severity: 'warning', file, message: 'The clusters of this workspace are not used, because the workspace is not trusted.', remediation: 'Trust the workspace if you know who wrote this file: it decides where commands run.' });
        continue;
      }
      problems.push(...parsed.problems);
      if (parsed.unreadable) unreadable.push(...parsed.problems.filter(({ severity }) => severity === 'error'));
      for (const cluster of parsed.clusters) {
        const read = readLayer(cluster, scope, file);
        problems.push(...read.problems);
        if (cluster.tree === undefined || read.problems.some(({ severity }) => severity === 'error')) broken.add(cluster.name);
        layers.set(cluster.name, [...(layers.get(cluster.name) ?? []), read.layer]);
      }
    }
    const own = layers.get(thisComputer) ?? [];
    layers.delete(thisComputer);
    layers.set(thisComputer, [...own, this.builtIn()]);
    return { layers, broken, unreadable, problems };
  }

  private async readFile(scope: FileScope, file: string): Promise<ClustersFile | undefined> {
    const failed = (message: string, remediation: string): ClustersFile => ({ file, clusters: [], unreadable: true, problems: [{ severity: 'error', file, message, remediation }] });
    try {
      const text = await (this.options.readText ?? readTextIfThere)(file);
      if (text !== undefined) return await parseClustersYaml(text, file);
      return scope === 'user' && this.options.env.HPC_CLUSTERS_CONFIG ? failed('HPC_CLUSTERS_CONFIG names this file, but it is not there.', 'Correct or unset HPC_CLUSTERS_CONFIG.') : undefined;
    } catch (error) {
      return failed(`The file cannot be read: ${messageOf(error)}.`, 'Check its permissions.');
    }
  }
}

/** For a log or a terminal: one line per problem. */
export function formatProblems(problems: readonly ConfigProblem[]): string {
  return problems.map((problem) => `${problem.severity}: ${formatProblem(problem)} ${problem.remediation}`).join('\n');
}

