import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { sshEnvironment } from '../../../../src/connection/childEnvironment.ts';
import { startAskpass } from '../../../../src/connection/openssh/askpass.ts';
import { fitsSocket, makePrivateFolder } from '../../../../src/connection/openssh/privateFolder.ts';
import { promisify } from 'node:util';
import { execFile } from 'node:child_process';

describe('openssh: the private folder (unit)', () => {
  let root: string;
  beforeEach(() => (root = fs.mkdtempSync(path.join(os.tmpdir(), 'hpc-pf-'))));
  afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

  it('is for its owner alone, and goes with what a dead process left', async () => {
    const base = path.join(root, 'hpc-agent');
    fs.mkdirSync(base, { mode: 0o755 });
    const dead = spawnSync('true').pid;
    for (const [name, pid] of [['0123456789ab', dead], ['ba9876543210', process.pid]] as const) {
      fs.mkdirSync(path.join(base, name));
      fs.writeFileSync(path.join(base, name, 'pid'), String(pid));
    }
    const folder = await makePrivateFolder({ env: { XDG_RUNTIME_DIR: root } });
    assert.equal(path.dirname(folder.path), base);
    assert.equal(fs.statSync(base).mode & 0o777, 0o700);
    assert.equal(fs.statSync(folder.path).mode & 0o777, 0o700);
    assert.deepEqual(fs.readdirSync(base).sort(), ['ba9876543210', path.basename(folder.path)].sort());
    folder.dispose();
    assert.equal(fs.existsSync(folder.path), false);
  });

  it('is not made where another could have laid a link, and tries the next place', async () => {
    fs.mkdirSync(path.join(root, 'elsewhere'));
    fs.symlinkSync(path.join(root, 'elsewhere'), path.join(root, 'hpc-agent'));
    const folder = await makePrivateFolder({ env: { XDG_RUNTIME_DIR: root, HPC_AGENT_HOME: path.join(root, 'h') } });
    assert.ok(folder.path.startsWith(path.join(root, 'h', 'ssh')));
    assert.deepEqual(fs.readdirSync(path.join(root, 'elsewhere')), []);
    folder.dispose();
  });

  it('knows how long a socket’s path may be', () => {
    assert.equal(fitsSocket(`/${'x'.repeat(60)}`, 'linux'), true);
    assert.equal(fitsSocket(`/${'x'.repeat(70)}`, 'linux'), false);
  });

  it('has an askpass program whose answer stands in no argument, variable or file', async () => {
    const folder = await makePrivateFolder({ env: { XDG_RUNTIME_DIR: root } });
    const askpass = await startAskpass(folder);
    const environment = { ...sshEnvironment(), ...askpass.environment };
    const ask = (prompt: string): Promise<{ stdout: string }> => promisify(execFile)(askpass.environment.SSH_ASKPASS ?? '', [prompt], { env: environment });
    await assert.rejects(ask('Password: '), 'nobody is there to answer');
    const secret = 'ünusual "$(secret)" \\ word';
    askpass.answerer = (prompt) => Promise.resolve(prompt === 'Password: ' ? secret : undefined);
    assert.equal((await ask('Password: ')).stdout, `${secret}\n`);
    await assert.rejects(ask('Code: '));
    for (const name of fs.readdirSync(folder.path)) if (fs.statSync(folder.file(name)).isFile()) assert.ok(!fs.readFileSync(folder.file(name), 'utf8').includes('secret'), name);
    askpass.dispose();
    folder.dispose();
  });

  it('cleans what ssh inherits', () => {
    const kept = sshEnvironment({ PATH: '/bin', HOME: '/h', SSH_AUTH_SOCK: '/s', LD_LIBRARY_PATH: '/x', LD_PRELOAD: 'y', DYLD_INSERT_LIBRARIES: 'z', LC_ALL: 'C', LANG: 'de', SSH_ASKPASS: '/a', VSCODE_PID: '1', ELECTRON_RUN_AS_NODE: '1', NODE_OPTIONS: '--inspect' });
    assert.deepEqual(kept, { PATH: '/bin', HOME: '/h', SSH_AUTH_SOCK: '/s' });
  });
});
