/** Terminals of people with zsh or fish: their start-up files may set PATH anew, and the profile's software is there all the same. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { python } from './place.ts';

const runtime = path.resolve(import.meta.dirname, '../../../templates/runtime');
// As the real one reads its files; what is in ours is plain sh.
const zsh = '#!/bin/sh\n. "$ZDOTDIR/.zshenv"; . "$ZDOTDIR/.zshrc"\nprintf "%s~%s~%s~%s~%s" "$PATH" "$A" "${GONE-none}" "$OWN" "${ZDOTDIR-none}"\n';
const fish = '#!/bin/sh\nprintf "%s~" "$@"; cat "$HPC_START/start.fish"; rm -r "$HPC_START"\n';

describe('shells of terminals in held nodes (unit)', () => {
  let folder: string;
  beforeEach(() => (folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hpc-shells-'))));
  afterEach(() => fs.rmSync(folder, { recursive: true }));

  function begin(shell: 'zsh' | 'fish', program: string, env: Readonly<Record<string, string>> = {}): string {
    const at = path.join(folder, shell);
    fs.writeFileSync(at, program, { mode: 0o755 });
    const text = `PATH=/soft/bin:$PATH; A="it's a\ntwo \\\\\\\\ é"; export PATH A; unset GONE`;
    const make = `import sys\nsys.path.insert(0, sys.argv[1])\nimport hpc_shells\nhpc_shells.login_shell = lambda: sys.argv[2]\nprint(hpc_shells.Software(sys.argv[3]).shell_file({"text": sys.argv[4]}))`;
    const file = spawnSync(python, ['-B', '-c', make, runtime, at, folder, text], { encoding: 'utf8' });
    assert.equal(file.status, 0, file.stderr);
    const { stdout, stderr } = spawnSync('/bin/sh', [file.stdout.trim()], { encoding: 'utf8', env: { PATH: process.env.PATH, HOME: folder, TMPDIR: folder, GONE: 'was there', PYTHONDONTWRITEBYTECODE: '1', ...env } });
    assert.equal(stderr, '');
    assert.deepEqual(fs.readdirSync(folder).filter((name) => name.startsWith('hpc-shell-') || name.startsWith('tmp.')), [], 'it leaves nothing');
    return stdout;
  }

  it('zsh: the person’s files first, wherever they are, then the software', () => {
    fs.writeFileSync(path.join(folder, '.zshrc'), 'PATH=/mine; export PATH OWN=read; PATH=$PATH:/usr/bin:/bin\n');
    assert.equal(begin('zsh', zsh), `/soft/bin:${process.env.PATH ?? ''}~it's a\ntwo \\\\ é~none~read~none`);
    const elsewhere = path.join(folder, 'else where');
    fs.mkdirSync(elsewhere);
    fs.writeFileSync(path.join(elsewhere, '.zshrc'), 'OWN=other\n');
    assert.match(begin('zsh', zsh, { ZDOTDIR: elsewhere }), /~other~.*else where$/);
    // Their .zshenv may send it there, too.
    fs.writeFileSync(path.join(folder, '.zshenv'), `ZDOTDIR='${elsewhere}'\n`);
    assert.match(begin('zsh', zsh), /~other~.*else where$/);
  });

  it('fish: the software is set after its configuration', () => {
    const said = begin('fish', fish);
    assert.match(said, /^-i~-C~source "\$HPC_START\/start\.fish"~/);
    assert.ok(said.includes(`set -gx PATH '/soft/bin' '${(process.env.PATH ?? '').split(':').join("' '")}'\n`), said);
    assert.ok(said.includes(`set -gx A 'it\\'s a\ntwo \\\\\\\\ é'\n`) && said.includes('set -e GONE\n'), said);
  });
});
