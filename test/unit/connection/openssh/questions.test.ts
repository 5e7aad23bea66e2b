import assert from 'node:assert/strict';
import { readQuestion } from '../../../../src/connection/openssh/questions.ts';

describe("openssh: ssh's questions (unit)", () => {
  it('are told apart by their text', () => {
    assert.deepEqual(readQuestion("Enter passphrase for key '/home/a b/.ssh/id': ", ''), { kind: 'passphrase', file: '/home/a b/.ssh/id' });
    assert.deepEqual(readQuestion('Enter passphrase for /home/alice/.ssh/id_rsa: ', ''), { kind: 'passphrase', file: '/home/alice/.ssh/id_rsa' });
    assert.deepEqual(readQuestion("alice@login's password: ", ''), { kind: 'password', who: 'alice@login' });
    assert.deepEqual(readQuestion('(alice@login) Verification code: ', ''), { kind: 'other', who: 'alice@login', prompt: 'Verification code:' });
    assert.deepEqual(readQuestion('Password: ', ''), { kind: 'other', who: undefined, prompt: 'Password:' });
    assert.deepEqual(readQuestion('Enter PIN for ED25519-SK key /k: ', ''), { kind: 'other', who: undefined, prompt: 'Enter PIN for ED25519-SK key /k:' });
    assert.deepEqual(readQuestion('Confirm user presence for key ED25519-SK SHA256:x', 'none'), { kind: 'notice', text: 'Confirm user presence for key ED25519-SK SHA256:x' });
  });

  it('about host keys name host, type and fingerprint', () => {
    const text = "The authenticity of host '[login]:2222 ([10.0.0.1]:2222)' can't be established.\nED25519 key fingerprint is SHA256:WeftbO3nnx9YviN+EOdJrjTWgK8d5Crhdcd1rCC8sXQ.\nThis key is not known by any other names.\nAre you sure you want to continue connecting (yes/no/[fingerprint])? ";
    assert.deepEqual(readQuestion(text, ''), { kind: 'host_key', host: '[login]:2222', keyType: 'ssh-ed25519', fingerprint: 'SHA256:WeftbO3nnx9YviN+EOdJrjTWgK8d5Crhdcd1rCC8sXQ' });
    // A server cannot make its own question pass for that one's answer: without a fingerprint there is none.
    const odd = readQuestion("The authenticity of host 'h (1.2.3.4)' can't be established.\nyes?", '');
    assert.ok(odd.kind === 'host_key' && odd.fingerprint === '');
  });
});
