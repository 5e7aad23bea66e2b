/** What the editor gives the core: its version, places, environment, questions and log. */
import * as os from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { systemClock } from '../../foundation/clock.ts';
import { createLog, type Log, type LogRecord } from '../../foundation/log.ts';
import type { Host } from '../../operations/services.ts';
import { createPrompts } from './prompts.ts';

export function createChannelLog(channel: vscode.LogOutputChannel): Log {
  const minimum = vscode.workspace.getConfiguration('hpcAgent').get<LogRecord['level']>('logLevel', 'info');
  return createLog(
    ({ level, scope, message, fields }) => {
      const text = `[${scope}] ${message}`;
      if (fields === undefined) channel[level](text);
      else channel[level](text, JSON.stringify(fields));
    },
    'editor',
    minimum,
  );
}

export function createEditorHost(context: vscode.ExtensionContext, log: Log): Host {
  const { HPC_AGENT_HOME: home } = process.env;
  return {
    version: String((context.extension.packageJSON as { version: unknown }).version),
    assetsDirectory: context.extensionPath,
    home: home !== undefined && home !== '' ? home : path.join(os.homedir(), '.hpc-agent'),
    userHome: os.homedir(),
    env: process.env,
    prompts: createPrompts(context.secrets),
    log,
    clock: systemClock,
    trusted: () => vscode.workspace.isTrusted,
  };
}
