import { createLocalConnection } from '../../../src/connection/local/createLocalConnection.ts';
import { createHostGate } from '../../../src/connection/hostGate.ts';
import { createOpensshConnection } from '../../../src/connection/openssh/createOpensshConnection.ts';
import { createSshConnection } from '../../../src/connection/ssh/createSshConnection.ts';
import type { PromptPort } from '../../../src/connection/port.ts';
import { systemClock } from '../../../src/foundation/clock.ts';
import { silentLog } from '../../../src/foundation/log.ts';
import { contractCommands, describeConnection } from './describeConnection.ts';
import { createFakeConnection } from './fakeConnection.ts';
import { startSshd } from './sshd.ts';

const nobody: PromptPort = { secret: () => Promise.resolve(undefined), trustHostKey: () => Promise.resolve('refuse') };

describeConnection('fake (unit)', { shell: false }, () =>
  Promise.resolve({
    connection: createFakeConnection({
      reply: (command) => {
        if (command === contractCommands.both) return { stdout: 'out\n', stderr: 'err\n', exitCode: 3 };
        if (command === contractCommands.never) return 'never';
        return { stdout: command.stdin ?? '' };
      },
    }),
    stop: () => Promise.resolve(),
  }),
);

describeConnection('local (integration)', { shell: true }, () =>
  Promise.resolve({ connection: createLocalConnection({ log: silentLog, clock: systemClock, gate: createHostGate({ clock: systemClock }) }), stop: () => Promise.resolve() }),
);

const noisyFiles = {
  '.tcshrc': 'echo "tcsh noise without a newline\\c"\necho more noise\nsetenv FROM_TCSH yes\n',
  '.bashrc': 'echo "bash noise"; echo "noise on stderr" >&2; printf "no newline"\n',
  '.profile': 'echo "profile noise"; echo "more" >&2; FROM_PROFILE="a b"; export FROM_PROFILE\n',
};
for (const [title, options] of [
  ['sshd', {}],
  ['sshd, tcsh as the login shell, noisy start-up files', { loginShell: '/usr/bin/tcsh', home: noisyFiles }],
  ['sshd, noisy bash as the login shell', { loginShell: '/bin/bash', home: noisyFiles, lines: [] }],
  ['sshd with MaxSessions 1', { lines: ['MaxSessions 1'] }],
  ['sshd with MaxSessions 2', { lines: ['MaxSessions 2'] }],
] as const) {
  describeConnection(`ssh (integration): ${title}`, { shell: true, oneSession: title.endsWith('MaxSessions 1') }, async () => {
    const sshd = await startSshd(options);
    return { connection: createSshConnection(sshd.target, { prompts: nobody, log: silentLog }), stop: sshd.stop };
  });
}

for (const [title, multiplex, options] of [
  ['a master', true, {}],
  ['a master, tcsh as the login shell, noisy start-up files, MaxSessions 2', true, { loginShell: '/usr/bin/tcsh', home: noisyFiles, lines: ['MaxSessions 2'] }],
  ['a sign-in for each session', false, {}],
] as const) {
  describeConnection(`openssh (integration): ${title}`, { shell: true }, async () => {
    const sshd = await startSshd(options);
    return { connection: createOpensshConnection(sshd.target, { prompts: nobody, log: silentLog, multiplex }), stop: sshd.stop };
  });
}
