import { createSshConnection } from '../../../src/connection/ssh/createSshConnection.ts';
import { createOpensshConnection } from '../../../src/connection/openssh/createOpensshConnection.ts';
import { silentLog } from '../../../src/foundation/log.ts';
import { startSshd } from '../connection/sshd.ts';
import { describeTransfer } from './describeTransfer.ts';
import { openLocal } from './rig.ts';

describeTransfer('local (integration)', () => Promise.resolve({ connection: openLocal(), stop: () => Promise.resolve() }));

describeTransfer('ssh (integration): sshd', async () => {
  const sshd = await startSshd();
  const prompts = { secret: () => Promise.resolve(undefined), trustHostKey: () => Promise.resolve('refuse' as const) };
  return { connection: createSshConnection(sshd.target, { prompts, log: silentLog }), stop: () => sshd.stop() };
});

describeTransfer('openssh (integration): sshd, over a master', async () => {
  const sshd = await startSshd();
  const prompts = { secret: () => Promise.resolve(undefined), trustHostKey: () => Promise.resolve('refuse' as const) };
  return { connection: createOpensshConnection(sshd.target, { prompts, log: silentLog }), stop: () => sshd.stop() };
});
