/** The connection of a target, whatever its transport. */
import { systemClock, type Clock } from '../foundation/clock.ts';
import type { Log } from '../foundation/log.ts';
import { createHostGate, type HostGate } from './hostGate.ts';
import { createLocalConnection } from './local/createLocalConnection.ts';
import type { Connection, ConnectionTarget, PromptPort } from './port.ts';
import { createSshConnection } from './ssh/createSshConnection.ts';

export interface ConnectionDeps {
  readonly prompts: PromptPort;
  readonly log: Log;
  readonly clock?: Clock;
  /** Shared by everything that talks to that host; one of its own where none is given. */
  readonly gate?: HostGate;
}

export function openConnection(target: ConnectionTarget, deps: ConnectionDeps): Connection {
  const clock = deps.clock ?? systemClock;
  const gate = deps.gate ?? createHostGate({ clock });
  const log = deps.log.child('connection');
  return target.kind === 'local' ? createLocalConnection({ log, clock, gate }) : createSshConnection(target, { prompts: deps.prompts, log, clock, gate });
}
