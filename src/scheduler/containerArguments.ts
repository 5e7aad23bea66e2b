/** The container of a job: its settings as the cluster profile has them, and the words they become. */
import { HpcError } from '../foundation/errors.ts';
import { isEnvironmentName } from '../foundation/quoting.ts';

export interface JobContainer {
  readonly runtime: 'apptainer' | 'singularity' | 'pyxis';
  readonly image: string;
  /** `folder`, `host:container` or `host:container:ro`. */
  readonly mounts?: readonly string[];
  readonly workdir?: string;
  readonly nv?: boolean;
  readonly rocm?: boolean;
  readonly cleanenv?: boolean;
  readonly writableTmpfs?: boolean;
  readonly fakeroot?: boolean;
  readonly overlay?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly extraArguments?: readonly string[];
}

/** Words between the runtime's name and the program. The run's folder is always there inside, under its own path. */
export function containerArguments(container: JobContainer, repoDir: string): string[] {
  const mounts = [repoDir, ...(container.mounts ?? [])];
  const workdir = container.workdir ?? repoDir;
  for (const mount of mounts) {
    if (mount.includes(',')) throw new HpcError('spec_invalid', `The folder ${JSON.stringify(mount)} cannot be mounted: container runtimes split their lists at commas.`, { remediation: 'Use a path without a comma.' });
  }
  const env = Object.entries(container.env ?? {});
  for (const [name] of env) if (!isEnvironmentName(name)) throw new HpcError('spec_invalid', `${JSON.stringify(name)} is not a name for an environment variable (container.env).`);
  if (container.runtime === 'pyxis') {
    return [
      `--container-image=${container.image}`,
      `--container-mounts=${mounts.map((mount) => (mount.includes(':') ? mount : `${mount}:${mount}`)).join(',')}`,
      `--container-workdir=${workdir}`,
      ...(env.length > 0 ? [`--container-env=${env.map(([name]) => name).join(',')}`] : []),
      ...(container.extraArguments ?? []),
    ];
  }
  return [
    ...(container.nv ? ['--nv'] : []),
    ...(container.rocm ? ['--rocm'] : []),
    ...(container.cleanenv ? ['--cleanenv'] : []),
    ...(container.writableTmpfs ? ['--writable-tmpfs'] : []),
    ...(container.fakeroot ? ['--fakeroot'] : []),
    ...(container.overlay === undefined ? [] : ['--overlay', container.overlay]),
    ...mounts.flatMap((mount) => ['--bind', mount]),
    '--pwd',
    workdir,
    // `--env` splits its value at commas; one word for each variable keeps values whole.
    ...env.flatMap(([name, value]) => ['--env', `${name}=${value}`]),
    ...(container.extraArguments ?? []),
    container.image,
  ];
}
