/** What of a cluster's profile becomes the software of jobs there: modules, conda, a virtual environment, uv, a container. */
import type { RemoteEnvironment } from '../connection/port.ts';
import { renderSoftware, type JobSoftware, type SoftwareScript } from '../scheduler/jobScript.ts';
import type { SchedulerName } from '../scheduler/port.ts';
import { expandRemotePath, type ClusterProfile, type ContainerSettings } from './profile.ts';

/** Instead of what the profile says; absent: as the profile says. One of conda, venv and uv takes the place of the profile's. */
export interface SoftwareWishes {
  readonly modules?: readonly string[];
  readonly condaEnv?: string;
  readonly venv?: string;
  readonly uv?: boolean;
  readonly container?: { readonly runtime: 'apptainer' | 'singularity' | 'pyxis'; readonly image: string };
  /** Where the profile has no container of its own to say so. */
  readonly gpu?: boolean;
}

function containerOf(kept: ContainerSettings | undefined, wishes: SoftwareWishes): Pick<JobSoftware, 'container'> {
  const { container: wished } = wishes;
  if (kept === undefined) return wished === undefined ? {} : { container: { mounts: [], nv: wishes.gpu ?? false, rocm: false, cleanenv: false, fakeroot: false, writableTmpfs: false, env: {}, extraArguments: [], ...wished } };
  const { cleanEnvironment, ...settings } = kept;
  return { container: { ...settings, cleanenv: cleanEnvironment, ...wished } };
}

export function softwareOf(profile: ClusterProfile, environment: RemoteEnvironment, wishes: SoftwareWishes = {}): JobSoftware {
  const there = (pattern: string, what: string): string => expandRemotePath(pattern, environment, `${what} of ${profile.name}`);
  const condaEnv = wishes.condaEnv ?? (wishes.venv === undefined && wishes.uv !== true ? profile.condaEnvs[0] : undefined);
  const venv = wishes.venv ?? (wishes.condaEnv === undefined && wishes.uv !== true ? profile.venv : undefined);
  return {
    modules: wishes.modules ?? profile.modules,
    ...(profile.condaSource === undefined ? {} : { condaSource: there(profile.condaSource, 'conda_source') }),
    ...(condaEnv === undefined ? {} : { condaEnv }),
    ...(venv === undefined ? {} : { venv: there(venv, 'venv') }),
    ...((wishes.uv ?? profile.runtime === 'uv') ? { runtime: 'uv' as const } : {}),
    ...containerOf(profile.container, wishes),
  };
}

/** The profile's software and variables for what runs outside of a job's script. */
export function softwareScript(profile: ClusterProfile, environment: RemoteEnvironment, place: { readonly scheduler: SchedulerName; readonly cpus: number; readonly folder: string }, options: { readonly templatesDirectory: string }): Promise<SoftwareScript> {
  return renderSoftware({ ...softwareOf(profile, environment), scheduler: place.scheduler, env: profile.env, cpus: place.cpus }, place.folder, options);
}
