/** The set-up of a suite that drives the window: a place, the window on it, a picture of what failed, and nothing left behind. */
import { makePlace, quiet, type Place, type PlaceOptions } from './place.ts';
import { openWorkbench, type Workbench, type WorkbenchOptions } from './ui.ts';

export interface WindowOptions extends PlaceOptions {
  /** Before the window is opened. */
  readonly prepare?: (place: Place) => Promise<void>;
  readonly window?: WorkbenchOptions;
}

export interface Window {
  readonly place: Place;
  readonly workbench: Workbench;
}

/** Registers `before`, `after` and `afterEach` of the suite that it is called in; `opened` goes on where the window is there. */
export function useWindow(options: WindowOptions | (() => Promise<WindowOptions>), opened: (window: Window) => Promise<void> | void): void {
  let place: Place | undefined;
  let workbench: Workbench | undefined;

  before(async () => {
    const { prepare, window, ...rest } = typeof options === 'function' ? await options() : options;
    place = await makePlace(rest);
    await prepare?.(place);
    workbench = await openWorkbench(place.workspace, { theme: 'dark', ...window, env: { ...place.env, ...window?.env } });
    await opened({ place, workbench });
  });

  after(async () => {
    await workbench?.dispose();
    if (place) await quiet(place);
    await place?.remove();
  });

  afterEach(async function () {
    await workbench?.report(this.currentTest);
  });
}
