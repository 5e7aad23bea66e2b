/** What the editor gives the core: its version, places, environment, questions and log. */
import * as os from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { systemClock } from '../../foundation/clock.ts';
import { createLog, type Log, type LogRecord } from '../../foundation/log.ts';
import type { Host } from '../../operations/services.ts';
import { createPrompts } from './prompts.ts';

const levels: readonly LogRecord['level'][] = ['debug', 'info', 'warn', 'error'];

export function createChannelLog(channel: vscode.LogOutputChannel): Log {
  return createLog(({ level, scope, message, fields }) => {
    // Asked anew each time: a change of the setting counts at once.
    const minimum = vscode.workspace.getConfiguration('hpcAgent').get<LogRecord['level']>('logLevel', 'info');
    if (levels.indexOf(level) < levels.indexOf(minimum)) return;
    const text = `[${scope}] ${message}`;
    // The channel has a level of its own, under which our setting would show nothing more.
    const shown = level === 'debug' && channel.logLevel > vscode.LogLevel.Debug ? 'info' : level;
    if (fields === undefined) channel[shown](text);
    else channel[shown](text, JSON.stringify(fields));
  }, 'editor');
}

const given = (name: string): string | undefined => (process.env[name] === '' ? undefined : process.env[name]);

function agentHome(): string {
  return given('HPC_AGENT_HOME') ?? path.join(os.homedir(), '.hpc-agent');
}

/** As the core finds it. */
export function userClustersFile(): string {
  const own = given('HPC_CLUSTERS_CONFIG');
  return own === undefined ? path.join(agentHome(), 'clusters.yaml') : path.resolve(own.replace(/^~(?=\/)/, os.homedir()));
}

export function createEditorHost(context: vscode.ExtensionContext, log: Log, connectionChanged: () => void): Host {
  return {
    version: String((context.extension.packageJSON as { version: unknown }).version),
    assetsDirectory: context.extensionPath,
    home: agentHome(),
    userHome: os.homedir(),
    env: process.env,
    prompts: createPrompts(context.secrets),
    log,
    clock: systemClock,
    trusted: () => vscode.workspace.isTrusted,
    connectionChanged,
  };
}
