/**
 * Files that hold a private key or a password stay at home. A name alone decides only where nothing else is called so;
 * otherwise the file's beginning does, because a `.pem` may as well be a public certificate that a program needs.
 */
import * as fs from 'node:fs';

const secretNames = /^(id_(rsa|dsa|ecdsa|ed25519)(_sk)?|\.netrc|_netrc|\.pgpass|\.git-credentials|\.pypirc|.*\.(ppk|p12|pfx|jks|keystore))$/i;
const suspectNames = /key|secret|credential|\.(pem|p8|der|asc|gpg)$/i;
const keyHeader = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----/;

export function isSecretFile(name: string, file: string, size: number): boolean {
  if (name.endsWith('.pub')) return false;
  if (secretNames.test(name)) return true;
  if (size > 262_144 || !suspectNames.test(name)) return false;
  let fd: number | undefined;
  try {
    fd = fs.openSync(file, 'r');
    const head = Buffer.alloc(Math.min(size, 65_536));
    fs.readSync(fd, head, 0, head.length, 0);
    return keyHeader.test(head.toString('latin1'));
  } catch {
    // An unreadable file is reported by whoever wants its content.
    return false;
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
}
