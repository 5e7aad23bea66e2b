import assert from 'node:assert/strict';
import * as path from 'node:path';
import { listSshConfigHosts } from '../../../src/cluster/sshConfigHosts.ts';
import { TestFiles } from './testFiles.ts';

describe('hosts of the ssh configuration (unit)', () => {
  const files = new TestFiles();
  const config = (name = 'config'): string => path.join(files.home, '.ssh', name);
  const aliases = async (): Promise<string[]> => (await listSshConfigHosts({ home: files.home })).map(({ alias }) => alias);
  beforeEach(() => files.setUp());
  afterEach(() => files.tearDown());

  it('is empty without a file', async () => assert.deepEqual(await aliases(), []));
  it('lists names, without patterns and negations, once each', async () => {
    await files.write(config(), 'Host a b *.example.org !c d?\n  User me\nhost = e\nHOST "f g" # not this\nHost a\n  HostName late\nHost *\n  User x\n');
    assert.deepEqual(await aliases(), ['a', 'b', 'e', 'f g']);
  });
  it('shows what stands in the same block; the first word wins, Match blocks say nothing', async () => {
    await files.write(config(), 'Host a\n\tHostName=a.example.org\n  Port 2222 # here\n  User me\n  user you\n  ProxyJump gate\nMatch host a\n  User other\nHost b\n');
    assert.deepEqual(await listSshConfigHosts({ home: files.home }), [
      { alias: 'a', file: config(), line: 1, hostName: 'a.example.org', port: '2222', user: 'me', proxyJump: 'gate' },
      { alias: 'b', file: config(), line: 9 },
    ]);
  });
  it('follows Include in the order of the files, relative to ~/.ssh, with patterns and ~', async () => {
    await files.write(config(), 'Include conf.d/*.conf "~/more hosts" nowhere\nHost last\n');
    await files.write(config(path.join('conf.d', '20.conf')), 'Host two\n');
    await files.write(config(path.join('conf.d', '10.conf')), 'Host one\n');
    await files.write(config(path.join('conf.d', '.30.conf')), 'Host hidden\n');
    await files.write(config(path.join('conf.d', '40.txt')), 'Host other\n');
    await files.write(path.join(files.home, 'more hosts'), 'Host three\n');
    assert.deepEqual(await aliases(), ['one', 'two', 'three', 'last']);
  });
  it('survives files that include each other, Windows line ends and rubbish', async () => {
    await files.write(config(), 'Include other\r\nHost a\r\n  HostName x\r\n= = =\r\nHost\r\n');
    await files.write(config('other'), 'Include config\nHost b\n');
    const hosts = await listSshConfigHosts({ home: files.home });
    assert.deepEqual(hosts.map(({ alias, hostName }) => [alias, hostName]), [['b', undefined], ['a', 'x']]);
  });
});
