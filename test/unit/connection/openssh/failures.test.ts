import assert from 'node:assert/strict';
import { explainFailure, lossIn, type FailureFacts } from '../../../../src/connection/openssh/failures.ts';

const facts: FailureFacts = { who: 'alice@login', alias: 'box', host: 'login', place: 'login:22', keyFiles: ['/k/id'], agentNote: undefined, tried: [] };

describe('openssh: why ssh did not connect (unit)', () => {
  for (const [text, kind, message] of [
    ['ssh: Could not resolve hostname login: Name or service not known\r\n', 'transport', /name login cannot be resolved/],
    ['ssh: connect to host login port 22: Connection refused\r\n', 'transport', /login:22 refuses connections/],
    ['ssh: connect to host login port 22: Connection timed out\r\n', 'transport', /did not answer in time/],
    ['ssh: connect to host login port 22: No route to host\r\n', 'transport', /no way to login:22/],
    ['alice@login: Permission denied (publickey,keyboard-interactive).\r\n', 'refused', /Signing in as alice@login was refused \(tried: key \/k\/id; the server takes: publickey,keyboard-interactive\)/],
    ['Received disconnect from 10.0.0.1 port 22:2: Too many authentication failures\r\nDisconnected from 10.0.0.1 port 22\r\n', 'refused', /was refused/],
    ['kex_exchange_identification: Connection closed by remote host\r\nConnection closed by 10.0.0.1 port 22\r\n', 'transport', /closed the connection while it was being made/],
    ['ssh_exchange_identification: read: Connection reset by peer\r\n', 'transport', /closed the connection while it was being made/],
    ['Connection timed out during banner exchange\r\n', 'transport', /did not complete the connection in time/],
    ['No ED25519 host key is known for login and you have requested strict checking.\r\nHost key verification failed.\r\n', 'refused', /ED25519\) is not known/],
    ['/home/a/.ssh/config: line 3: Bad configuration option: foo\r\n', 'refused', /Bad configuration option: foo/],
    ['Bad owner or permissions on /home/a/.ssh/config\r\n', 'refused', /Bad owner/],
    ['Unable to negotiate with 10.0.0.1 port 22: no matching host key type found. Their offer: ssh-rsa\r\n', 'refused', /Their offer: ssh-rsa/],
    ['something new\r\n', 'transport', /something new/],
    ['', 'transport', /without a word/],
  ] as const) {
    it(`${kind}: ${text.trim().slice(0, 60) || 'nothing'}`, async () => {
      const failure = await explainFailure(text, facts);
      assert.equal(failure.kind, kind);
      assert.match(failure.message, message);
      assert.ok((failure.remediation ?? '') !== '');
    });
  }

  it('a line of ssh about its own end is a loss, its remarks are none', () => {
    assert.equal(lossIn(''), undefined);
    assert.equal(lossIn("Warning: Permanently added 'login' (ED25519) to the list of known hosts.\r\n** WARNING: not post-quantum\r\n"), undefined);
    assert.equal(lossIn('Timeout, server login not responding.\r\n'), 'Timeout, server login not responding.');
    assert.equal(lossIn('client_loop: send disconnect: Broken pipe\r\n'), 'client_loop: send disconnect: Broken pipe');
  });
});
