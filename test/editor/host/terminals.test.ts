/** Terminals, forwarded ports and tasks in the real extension host, on this computer's own "cluster". */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as http from 'node:http';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { eventually, notYet } from './eventually.ts';

/** A notebook server's address, a page behind it, and its end with the terminal. */
const jupyter = `#!/usr/bin/env python3
import http.server
import sys

port = int([word for word in sys.argv if word.startswith("--port=")][0].split("=")[1])


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"the notebook says " + self.path.encode())

    def log_message(self, *words):
        pass


server = http.server.HTTPServer(("127.0.0.1", port), Page)
print("[I] Serving at:\\n    http://node:%d/lab?token=abc123" % port, flush=True)
server.serve_forever()
`;

describe('Terminals, ports and tasks', function () {
  this.timeout(2 * 60_000);
  let folder: string;

  before(async () => {
    folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? '';
    await vscode.extensions.getExtension('hpc-agent.hpc-agent')?.activate();
    await fs.mkdir(path.join(folder, '.hpc'), { recursive: true });
    await fs.writeFile(path.join(folder, 'tasked.py'), 'print("hello")\n');
    await fs.writeFile(path.join(folder, '.hpc', 'tasks.py'), 'FLAGS = {"tasked": []}\n\n\ndef total():\n    return 3\n\n\ndef resolve(i):\n    return {"n": i}\n');
  });

  after(async () => {
    for (const terminal of vscode.window.terminals) terminal.dispose();
    for (const name of ['tasked.py', '.hpc/tasks.py', 'typed', 'size', 'resized']) await fs.rm(path.join(folder, name), { force: true });
  });

  const onScreen = (): string => `terminals: ${vscode.window.terminals.map(({ name, exitStatus }) => `${name}${exitStatus === undefined ? '' : ` (ended: ${exitStatus.code})`}`).join(', ')}`;
  /** The terminal on this computer, once its title tells that the far side is there. */
  const connected = (): Promise<vscode.Terminal> =>
    eventually('a terminal that says where it is', () => vscode.window.terminals.find(({ name, creationOptions }) => 'pty' in creationOptions && /^this-computer \(.+\)$/.test(name)) ?? notYet(onScreen()));
  const written = (name: string, wanted: RegExp): Promise<string> =>
    eventually(`${String(wanted)} in the file ${name}`, async () => ((text) => (wanted.test(text) ? text : notYet(`${text}; ${onScreen()}`)))(await fs.readFile(path.join(folder, name), 'utf8').catch(() => 'no file')));

  it('opens a shell on a cluster that takes what is typed, in the size of the terminal', async () => {
    await vscode.commands.executeCommand('hpc-agent.openClusterTerminal', { kind: 'cluster', name: 'this-computer' });
    const terminal = await connected();
    terminal.sendText(`stty size > ${JSON.stringify(path.join(folder, 'size'))}; echo typed > ${JSON.stringify(path.join(folder, 'typed'))}`);
    await written('typed', /typed/);
    assert.match(await written('size', /\d+ \d+/), /^[1-9]\d* [1-9]\d*/);
    terminal.sendText('exit 0');
    await eventually('the terminal to close', () => !vscode.window.terminals.includes(terminal) || notYet(onScreen()));
  });

  it('follows a resize, and connects again by Enter', async () => {
    await vscode.commands.executeCommand('hpc-agent.openClusterTerminal', { kind: 'cluster', name: 'this-computer' });
    const terminal = await connected();
    const { pty } = terminal.creationOptions as vscode.ExtensionTerminalOptions;
    pty.setDimensions?.({ columns: 101, rows: 31 });
    const file = path.join(folder, 'resized');
    terminal.sendText(`stty size > ${JSON.stringify(file)}`);
    assert.equal((await written('resized', /\d+ \d+/)).trim(), '31 101');
    // The shell is killed as a lost connection would end it: by a signal, without a status.
    const shown: string[] = [];
    const listener = pty.onDidWrite((text) => shown.push(text));
    terminal.sendText('kill -9 $$');
    await eventually('the words about Enter', () => shown.join('').includes('Press Enter to connect again') || notYet(shown.join('') || onScreen()));
    await fs.rm(file);
    terminal.sendText('');
    // What is typed before the far side is there goes nowhere.
    await eventually('the connection that was asked for by Enter', async () => {
      terminal.sendText(`echo again > ${JSON.stringify(file)}`);
      return (await fs.readFile(file, 'utf8').catch(() => '')).includes('again') || notYet(shown.join(''));
    });
    listener.dispose();
    terminal.dispose();
  });

  it('opens a notebook in a reservation, and its page here', async () => {
    const programs = path.join(folder, 'programs');
    await fs.mkdir(programs);
    await fs.writeFile(path.join(programs, 'jupyter-lab'), jupyter, { mode: 0o755 });
    const profile = path.join(process.env.HOME ?? folder, '.profile');
    const before = await fs.readFile(profile, 'utf8').catch(() => undefined);
    await fs.writeFile(profile, `${before ?? ''}\nPATH=${JSON.stringify(programs)}:$PATH\nexport PATH\n`);
    const book = await vscode.lm.invokeTool('hpc_reservation_book', { input: { name: 'nb', cluster: 'this-computer', walltime: '10m', tmux_server: '' }, toolInvocationToken: undefined });
    const answer = JSON.parse(book.content.map((part) => (part instanceof vscode.LanguageModelTextPart ? part.value : '')).join('')) as { reservation?: { id: string } };
    assert.ok(answer.reservation, JSON.stringify(answer));
    try {
      await vscode.commands.executeCommand('hpc-agent.refreshReservations');
      // Until it holds its node, attaching says so; the command is then asked again, as a person would.
      const opened = await eventually('the address of the notebook', async () => {
        const url = await vscode.commands.executeCommand<string | undefined>('hpc-agent.openNotebook', { kind: 'reservation', id: answer.reservation?.id });
        return url;
      });
      const page = await new Promise<string>((resolve, reject) => {
        http.get(opened, (response) => {
          let text = '';
          response.on('data', (chunk: Buffer) => (text += chunk.toString()));
          response.on('end', () => resolve(text));
        }).on('error', reject);
      });
      assert.equal(page, 'the notebook says /lab?token=abc123');
      const terminal = vscode.window.terminals.find(({ name }) => name.startsWith('Notebook in'));
      assert.ok(terminal);
      terminal.dispose();
      // Its port is closed with it.
      await eventually('the port of the notebook to close', () => new Promise<boolean>((resolve) => http.get(opened, (response) => { response.resume(); resolve(false); }).on('error', () => resolve(true))));
    } finally {
      await vscode.lm.invokeTool('hpc_reservation_release', { input: { name: 'nb' }, toolInvocationToken: undefined });
      await (before === undefined ? fs.rm(profile) : fs.writeFile(profile, before));
      await fs.rm(programs, { recursive: true });
    }
  });

  it('offers the sweep as tasks, and a plan runs as one', async () => {
    const tasks = await vscode.tasks.fetchTasks({ type: 'hpc-agent' });
    assert.deepEqual(tasks.map(({ name }) => name).sort(), ['canary, then submit on this-computer', 'plan on this-computer', 'submit on this-computer']);
    const plan = tasks.find(({ name }) => name.startsWith('plan'));
    assert.ok(plan);
    const ended = new Promise<vscode.TaskEndEvent>((resolve) => {
      const listener = vscode.tasks.onDidEndTask((event) => {
        listener.dispose();
        resolve(event);
      });
    });
    await vscode.tasks.executeTask(plan);
    assert.equal((await ended).execution.task.name, 'plan on this-computer');
  });
});
