/**
 * What a workspace that is not trusted must not bring about. Rule: its files may be read and shown, but nothing of it is run (tasks.py, reducers,
 * git with the configuration of its repository), and no connection is opened because of what its records say.
 */
import { HpcError } from '../foundation/errors.ts';

/** `what`: the refusal as a sentence without its end. */
export function mustTrust(trusted: boolean, what: string): void {
  if (trusted) return;
  throw new HpcError('spec_invalid', `${what}.`, { remediation: 'Trust the workspace first (Workspaces: Manage Workspace Trust).', details: { untrusted: true } });
}
