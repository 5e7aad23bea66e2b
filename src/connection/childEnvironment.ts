/**
 * What our child processes inherit of this process's environment.
 *
 * Rules: a user's program gets nothing that the editor set for itself. ssh gets, besides, no library paths (an editor's or conda's libraries break the
 * system's ssh), no locale (`SendEnv` would carry it over, and messages must be the ones we can read), and no askpass program but ours.
 */
const ofTheEditor = /^(ELECTRON_|VSCODE_)/;
const notForSsh = /^(LD_|DYLD_|LC_|SSH_ASKPASS)|^(LANG|LANGUAGE|NODE_OPTIONS|BASH_ENV|ENV)$/;

function without(env: NodeJS.ProcessEnv, unwanted: (name: string) => boolean): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined && !unwanted(entry[0])));
}

export function localEnvironment(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  return without(env, (name) => ofTheEditor.test(name));
}

export function sshEnvironment(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  return without(env, (name) => ofTheEditor.test(name) || notForSsh.test(name));
}
