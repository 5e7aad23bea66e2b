/** Where the code of a run came from: the commit, and whether the tree differed from it. */
import { execFile } from 'node:child_process';

function git(directory: string, ...argv: string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile('git', ['-C', directory, '--no-optional-locks', ...argv], { timeout: 10_000, maxBuffer: 4 << 20, env: { ...process.env, GIT_TERMINAL_PROMPT: '0' } }, (error, stdout) => resolve(error ? undefined : stdout));
  });
}

/** Empty where the workspace is no repository or there is no git: provenance never stands in the way of a run. */
export async function provenanceOf(directory: string): Promise<Readonly<Record<string, unknown>>> {
  const [sha, status] = await Promise.all([git(directory, 'rev-parse', 'HEAD'), git(directory, 'status', '--porcelain', '--untracked-files=normal', '--', '.')]);
  if (sha === undefined) return {};
  const changed = (status ?? '').split('\n').filter((line) => line !== '' && !line.includes('.hpc/'));
  return { git_sha: sha.trim(), git_changed_files: changed.slice(0, 100).map((line) => line.slice(3)), git_dirty: changed.length > 0 };
}
