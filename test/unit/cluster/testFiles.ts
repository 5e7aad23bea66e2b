/** A home and a workspace in a temporary folder, removed after each test. */
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { ClusterStore } from '../../../src/cluster/clusterStore.ts';

export class TestFiles {
  root = '';
  get home(): string {
    return path.join(this.root, 'home');
  }
  get workspace(): string {
    return path.join(this.root, 'work space');
  }
  get userFile(): string {
    return path.join(this.home, '.hpc-agent', 'clusters.yaml');
  }
  get workspaceFile(): string {
    return path.join(this.workspace, '.hpc', 'clusters.yaml');
  }
  async setUp(): Promise<void> {
    this.root = await fs.mkdtemp(path.join(os.tmpdir(), 'hpc-cluster-'));
    await fs.mkdir(this.home, { recursive: true });
  }
  async tearDown(): Promise<void> {
    await fs.rm(this.root, { recursive: true, force: true });
  }
  async write(file: string, text: string): Promise<void> {
    await fs.mkdir(path.dirname(file), { recursive: true });
    await fs.writeFile(file, text);
  }
  read(file: string): Promise<string> {
    return fs.readFile(file, 'utf8');
  }
  store(options: { trusted?: boolean; env?: Record<string, string> } = {}): ClusterStore {
    return new ClusterStore({ workspaceDirectory: this.workspace, trusted: options.trusted ?? true, home: this.home, env: options.env ?? {} });
  }
}
