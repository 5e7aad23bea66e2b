/** What a run inside the extension host leaves behind: written there, read by whoever started it. */
export interface HostSummary {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly failures: readonly { readonly title: string; readonly message: string; readonly stack: string }[];
  /** Figures by name, units in the names. For reports: no test asserts them. */
  readonly measurements: Readonly<Record<string, number>>;
}
