/**
 * Runs one program in a process group of its own and ends that whole group as soon as this process's stdin closes: also
 * when its parent was killed. Then it removes a folder. argv: JSON {command, args, cleanUp}.
 */
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';

const { command, args, cleanUp } = JSON.parse(process.argv[2] ?? '{}');
const child = spawn(command, args, { detached: true, stdio: ['ignore', 'inherit', 'inherit'] });

function signalGroup(signal) {
  try {
    process.kill(-child.pid, signal);
    return true;
  } catch {
    return false;
  }
}

let ending = false;
function end(exitCode) {
  if (ending) return;
  ending = true;
  const start = Date.now();
  signalGroup('SIGTERM');
  const poll = () => {
    if (signalGroup(0)) {
      if (Date.now() - start > 3000) signalGroup('SIGKILL');
      setTimeout(poll, 50);
      return;
    }
    if (cleanUp) fs.rmSync(cleanUp, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    process.exit(exitCode);
  };
  poll();
}

child.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  end(127);
});
child.on('exit', (code) => end(code ?? 1));
process.stdin.on('end', () => end(0)).on('close', () => end(0)).on('error', () => end(0)).resume();
// The signals of a terminal go to the parent, which decides; its end closes stdin.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined);
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);
