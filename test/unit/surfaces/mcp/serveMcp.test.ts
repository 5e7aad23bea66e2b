/** The MCP server as an agent's client meets it: over standard input and output, with the SDK's own client. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { loadCatalogue } from '../../../../src/operations/catalogue.ts';
import type { Envelope, ErrorEnvelope } from '../../../../src/operations/envelope.ts';
import { answerOf, cliProgram, isAlive, makeDesk, until, type Desk } from '../cli/product.ts';

const catalogue = await loadCatalogue();

type Consent = 'accept' | 'decline' | 'cancel';

describe('the MCP server (contract)', function () {
  this.timeout(60_000);
  let desk: Desk;
  let client: Client | undefined;
  const asked: string[] = [];
  const tasksFile = (): string => path.join(desk.workspace, '.hpc', 'tasks.py');
  const sweep = { executors: ['executors/one.py'], axes: { x: '1,2' } };

  beforeEach(() => {
    desk = makeDesk();
    desk.write('executors/one.py', 'import argparse\np = argparse.ArgumentParser()\np.add_argument("--x", type=int)\np.parse_args()\n');
    asked.length = 0;
  });
  afterEach(async () => {
    await client?.close();
    client = undefined;
    desk.remove();
  });

  async function connect(words: readonly string[] = [], consent?: Consent): Promise<Client> {
    client = new Client({ name: 'test', version: '0' }, { capabilities: consent === undefined ? {} : { elicitation: {} } });
    if (consent !== undefined) {
      client.setRequestHandler(ElicitRequestSchema, (request) => {
        asked.push(request.params.message);
        return { action: consent, ...(consent === 'accept' ? { content: {} } : {}) };
      });
    }
    await client.connect(new StdioClientTransport({ command: process.execPath, args: [await cliProgram(), 'mcp', '--experiment-dir', desk.workspace, ...words], env: desk.env as Record<string, string>, cwd: desk.folder, stderr: 'inherit' }));
    return client;
  }

  async function call(to: Client, name: string, args: Record<string, unknown>, signal?: AbortSignal): Promise<Envelope> {
    const answer = await to.callTool({ name, arguments: args }, undefined, signal ? { signal } : {});
    const content = answer.content as { type: string; text: string }[];
    assert.equal(content.length, 1);
    const envelope = JSON.parse(content[0]?.text ?? '') as Envelope;
    assert.equal(answer.isError, !envelope.ok);
    return envelope;
  }
  const refused = (envelope: Envelope): ErrorEnvelope => {
    assert.ok(!envelope.ok, JSON.stringify(envelope));
    return envelope;
  };

  it('lists the catalogue’s tools, those that change something marked', async () => {
    const { tools } = await (await connect()).listTools();
    assert.deepEqual(tools.map(({ name }) => name), catalogue.filter(({ tool }) => tool).map(({ name }) => `hpc_${name.replaceAll('-', '_')}`));
    assert.deepEqual(tools.filter(({ annotations }) => annotations?.readOnlyHint !== true).map(({ name }) => name), ['hpc_build_tasks_py', 'hpc_submit', 'hpc_sync', 'hpc_resubmit', 'hpc_cancel', 'hpc_job_run', 'hpc_job_cancel', 'hpc_reservation_book', 'hpc_reservation_exec', 'hpc_reservation_release']);
    for (const { name, inputSchema, description } of tools) assert.ok(inputSchema.type === 'object' && (description ?? '').length > 20, name);
  });

  it('answers questions without asking anybody', async () => {
    const answer = await call(await connect([], 'decline'), 'hpc_discover', {});
    assert.ok(answer.ok);
    assert.deepEqual((answer.data as { executors: { path: string }[] }).executors.map((executor) => executor.path), ['executors/one.py']);
    const dry = await call(client ?? assert.fail(), 'hpc_build_tasks_py', { ...sweep, dry_run: true });
    assert.ok(dry.ok);
    assert.deepEqual(asked, []);
  });

  it('changes nothing where no person can be asked', async () => {
    const error = refused(await call(await connect(), 'hpc_build_tasks_py', sweep));
    assert.match(error.message, /consent: Write .*tasks\.py/);
    assert.match(error.remediation ?? '', /--allow-mutations/);
    assert.ok(!fs.existsSync(tasksFile()));
  });

  for (const consent of ['decline', 'cancel'] as const) {
    it(`changes nothing when the person says ${consent}`, async () => {
      const error = refused(await call(await connect([], consent), 'hpc_build_tasks_py', sweep));
      assert.match(error.message, /declined/);
      assert.equal(asked.length, 1);
      assert.ok(!fs.existsSync(tasksFile()));
    });
  }

  it('does it when the person accepts the sentence with what will happen', async () => {
    const answer = await call(await connect([], 'accept'), 'hpc_build_tasks_py', sweep);
    assert.ok(answer.ok, JSON.stringify(answer));
    assert.deepEqual(asked, [`Write ${tasksFile()}.`]);
    assert.ok(fs.existsSync(tasksFile()));
  });

  it('does it without a question under --allow-mutations', async () => {
    assert.ok((await call(await connect(['--allow-mutations'], 'decline'), 'hpc_build_tasks_py', sweep)).ok);
    assert.deepEqual(asked, []);
    assert.ok(fs.existsSync(tasksFile()));
  });

  it('refuses tools and input that it does not know, in words', async () => {
    const to = await connect();
    assert.match(refused(await call(to, 'hpc_nonsense', {})).message, /hpc_nonsense/);
    assert.match(refused(await call(to, 'hpc_status', { run_id: 'r', nonsense: 1 })).message, /nonsense/);
  });

  it('ends what a cancelled call had begun, and goes on serving', async () => {
    const started = path.join(desk.folder, 'started');
    desk.write('.hpc/tasks.py', `import os, time\nopen(${JSON.stringify(started)}, "w").write("%d\\n" % os.getpid())\ntime.sleep(600)\nFLAGS = {}\ndef total():\n    return 1\ndef resolve(i):\n    return {}\n`);
    const to = await connect();
    const abort = new AbortController();
    const pending = call(to, 'hpc_plan', { cluster: 'this-computer', command: 'true' }, abort.signal).then(() => 'answered', () => 'rejected');
    const pid = await until(() => fs.existsSync(started) && Number(/^(\d+)\n/.exec(fs.readFileSync(started, 'utf8'))?.[1]));
    abort.abort();
    assert.equal(await pending, 'rejected');
    await until(() => !isAlive(pid));
    assert.ok((await call(to, 'hpc_discover', {})).ok);
  });

  it('ends when its client goes, and says what it does not understand', async () => {
    const child = await desk.start(['mcp']);
    child.stdin.end();
    assert.deepEqual(await answerOf(child).then(({ code, stdout }) => ({ code, stdout })), { code: 0, stdout: '' });
    const wrong = await desk.run(['mcp', '--nonsense']);
    assert.equal(wrong.code, 1);
    assert.match(refused(wrong.envelope()).message, /--nonsense/);
  });
});
