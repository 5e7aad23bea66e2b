/** VS Code's theme variables as a page gets them: recorded by test/editor from the real editor, so that pictures and contrasts are the real ones. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { root } from '../editor/paths.ts';

export type ThemeName = 'dark' | 'light' | 'hc';
export const themeNames: readonly ThemeName[] = ['dark', 'light', 'hc'];

/** What VS Code says about the theme on the page's body. */
export const bodyClasses: Readonly<Record<ThemeName, string>> = { dark: 'vscode-dark', light: 'vscode-light', hc: 'vscode-high-contrast' };

export function themeVariables(theme: ThemeName): Readonly<Record<string, string>> {
  return JSON.parse(fs.readFileSync(path.join(root, 'test', 'page', 'themes', `${theme}.json`), 'utf8')) as Readonly<Record<string, string>>;
}
