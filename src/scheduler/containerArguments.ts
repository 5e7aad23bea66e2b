/**
 * The container of a job: its settings as the cluster profile has them, and the words they become.
 *
 * Rule: values of variables never stand in an argument. Apptainer's `--env` reads a value with a comma and an equals sign as two variables, Singularity before 3.6
 * has no such option, and pyxis takes names only; so the job script exports them (`containerVariables`).
 */
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

/** The container's own variables: how the job script names each for the runtime, and its value. */
export function containerVariables(container: JobContainer): readonly (readonly [name: string, value: string])[] {
  return Object.entries(container.env ?? {}).flatMap(([name, value]) => {
    if (!isEnvironmentName(name)) throw new HpcError('spec_invalid', `${JSON.stringify(name)} is not a name for an environment variable (container.env).`);
    return container.runtime === 'pyxis' ? [[name, value] as const] : [[`APPTAINERENV_${name}`, value] as const, [`SINGULARITYENV_${name}`, value] as const];
  });
}

/**
 * Words between the runtime's name and the program. The run's folder is always there inside, under its own path. `kept`: variables whose value here counts
 * inside, whatever the image says.
 */
export function containerArguments(container: JobContainer, repoDir: string, kept: readonly string[]): string[] {
  const mounts = [repoDir, ...(container.mounts ?? [])];
  const workdir = container.workdir ?? repoDir;
  for (const mount of mounts) {
    if (mount.includes(',')) throw new HpcError('spec_invalid', `The folder ${JSON.stringify(mount)} cannot be mounted: container runtimes split their lists at commas.`, { remediation: 'Use a path without a comma.' });
  }
  if (repoDir.includes(':')) throw new HpcError('spec_invalid', `The folder ${JSON.stringify(repoDir)} cannot be mounted: container runtimes read a colon as the end of a path.`, { remediation: 'Choose a remote path without a colon.' });
  if (container.runtime === 'pyxis') {
    return [
      `--container-image=${container.image}`,
      `--container-mounts=${mounts.map((mount) => (mount.includes(':') ? mount : `${mount}:${mount}`)).join(',')}`,
      `--container-workdir=${workdir}`,
      ...(container.writableTmpfs ? ['--container-writable'] : []),
      ...(container.fakeroot ? ['--container-remap-root'] : []),
      ...(kept.length > 0 ? [`--container-env=${kept.join(',')}`] : []),
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
    ...(container.extraArguments ?? []),
    container.image,
  ];
}
