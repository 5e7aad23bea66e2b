/** The three functions that VS Code gives a page. */
export interface VsCodeApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}

declare global {
  /** May be called once. */
  function acquireVsCodeApi(): VsCodeApi;
}
