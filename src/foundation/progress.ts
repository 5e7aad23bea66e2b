/** What a long operation says while it works; surfaces draw it as they like. */
export interface ProgressReport {
  /** What is being done, in the present participle: `Copying 12 files`. */
  readonly message: string;
  readonly done?: number;
  readonly total?: number;
}
export type ReportProgress = (report: ProgressReport) => void;
export const noProgress: ReportProgress = () => undefined;
