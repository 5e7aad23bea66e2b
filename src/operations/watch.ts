/**
 * For surfaces that stay open: keeps the open runs of folders heard of, together with every other window and command line of this user.
 * No operation, since it answers nothing by itself: what was heard is read by `list-runs` and `status`.
 */
import type { Disposable } from '../foundation/disposable.ts';
import { HpcError } from '../foundation/errors.ts';
import type { ReportProgress } from '../foundation/progress.ts';
import type { OperationContext } from './operation.ts';
import type { Services } from './services.ts';

export interface WatchRequest {
  readonly cluster: string;
  /** Workspace folders with runs there. */
  readonly folders: readonly string[];
  /** How old an answer may be. */
  readonly intervalMs: number;
  /** Ask only over a connection that is there: a sign-in would ask a person who is looking elsewhere. */
  readonly onlyConnected: boolean;
}

export interface WatchAnswer {
  /** Whether this process asked the cluster. */
  readonly asked: boolean;
  /** Milliseconds until the next look; undefined: there is nothing to look for. */
  readonly nextMs: number | undefined;
  readonly problem: HpcError | undefined;
}

export interface ServiceWatch extends Disposable {
  look(request: WatchRequest, call: { readonly signal: AbortSignal; readonly progress: ReportProgress }): Promise<WatchAnswer>;
  /** Somebody else asked this cluster, or wants it asked sooner. */
  onNews(listener: (cluster: string) => void): Disposable;
}

export async function openWatch({ services }: Pick<OperationContext, 'services'>): Promise<ServiceWatch> {
  const { RunWatch } = await import('../runs/watch/runWatch.ts');
  const watch = new RunWatch(services.host.clock);
  return {
    look: async ({ cluster, folders, intervalMs, onlyConnected }, call) => {
      try {
        const mayAsk = onlyConnected ? await isConnected(services, folders[0] ?? '', cluster) : true;
        const outcome = await watch.tick({ cluster, folders: folders.map((folder) => ({ deps: services.runDeps(folder), retries: services.host.trusted() })), intervalMs, mayAsk: () => mayAsk }, call);
        return { asked: outcome?.asked ?? false, nextMs: outcome?.nextMs, problem: outcome?.problem };
      } catch (error) {
        // As where the cluster is no longer in clusters.yaml.
        if (!HpcError.is(error)) throw error;
        return { asked: false, nextMs: Math.max(intervalMs, 60_000), problem: error };
      }
    },
    onNews: (listener) => watch.onNews(listener),
    dispose: () => watch.dispose(),
  };
}

async function isConnected(services: Services, folder: string, cluster: string): Promise<boolean> {
  const profile = await services.store(folder).get(cluster);
  return profile.connection.kind === 'local' || services.connectionState(profile).kind === 'connected';
}
