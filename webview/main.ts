/** The dashboard's page: registers the controls that it uses, and starts the shell. */
import { provideVSCodeDesignSystem, vsCodeButton, vsCodeCheckbox, vsCodeDropdown, vsCodeOption, vsCodeTextField } from '@vscode/webview-ui-toolkit';
import { Shell } from './app/shell.ts';
import './page.css';

provideVSCodeDesignSystem().register(vsCodeButton(), vsCodeCheckbox(), vsCodeDropdown(), vsCodeOption(), vsCodeTextField());

const root = document.getElementById('page');
if (root) new Shell(root, acquireVsCodeApi());
