/** One connection per target, shared by all who ask for the same. Rule: the pool owns them; whoever borrows one does not dispose it. */
import { systemClock } from '../foundation/clock.ts';
import type { Disposable } from '../foundation/disposable.ts';
import { createHostGate, type HostGate } from './hostGate.ts';
import { openConnection, type ConnectionDeps } from './openConnection.ts';
import type { Connection, ConnectionTarget } from './port.ts';

export interface ConnectionPool extends Disposable {
  /** The target's connection; made where there is none, or where it was closed. Nothing is sent yet. */
  get(target: ConnectionTarget): Connection;
  /** Closes the target's connection, as when its profile has gone. */
  release(target: ConnectionTarget): void;
}

/** Equal for targets that mean the same, whatever the order of their keys. */
export function targetKey(target: ConnectionTarget): string {
  return JSON.stringify(Object.entries(target).filter(([, value]) => value !== undefined).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function createConnectionPool(deps: ConnectionDeps & { readonly open?: (target: ConnectionTarget, deps: ConnectionDeps) => Connection }): ConnectionPool {
  const open = deps.open ?? openConnection;
  const connections = new Map<string, Connection>();
  const gates = new Map<string, HostGate>();
  let disposed = false;

  /** Two profiles of one host share its gate. */
  const gateOf = (target: ConnectionTarget): HostGate => {
    const host = target.kind === 'local' ? '' : target.host.toLowerCase();
    let gate = gates.get(host);
    if (!gate) gates.set(host, (gate = createHostGate({ clock: deps.clock ?? systemClock })));
    return gate;
  };

  return {
    get(target) {
      if (disposed) throw new Error('The pool of connections has been closed.');
      const key = targetKey(target);
      const found = connections.get(key);
      if (found && found.state.kind !== 'closed') return found;
      const made = open(target, { ...deps, gate: deps.gate ?? gateOf(target) });
      connections.set(key, made);
      return made;
    },
    release(target) {
      const key = targetKey(target);
      connections.get(key)?.dispose();
      connections.delete(key);
    },
    dispose() {
      disposed = true;
      for (const connection of connections.values()) connection.dispose();
      connections.clear();
    },
  };
}
