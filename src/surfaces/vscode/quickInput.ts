/** Quick picks and input boxes as promises, with the Back button and step counter that the editor's own helpers lack. */
import * as vscode from 'vscode';
import { l10n } from '../../../l10n/words.ts';
import type { Place } from './sweep/wizard.ts';

export interface Frame {
  readonly title: string;
  readonly place?: Place;
}

export type Answer<T> = { readonly kind: 'accept'; readonly value: T } | { readonly kind: 'back' } | { readonly kind: 'leave' };

export interface PickOptions<Item extends vscode.QuickPickItem> extends Frame {
  readonly placeholder: string;
  readonly items: readonly Item[];
  readonly active?: (item: Item) => boolean;
  /** Called for a button on a row; the pick stays open. */
  readonly onButton?: (item: Item, button: vscode.QuickInputButton) => void;
}

/** For those who have no key for it: Escape and Enter as buttons. A pick of several has an OK of its own. */
const closeButton = (): vscode.QuickInputButton => ({ iconPath: new vscode.ThemeIcon('close'), tooltip: l10n.t('Close') });
const okButton = (): vscode.QuickInputButton => ({ iconPath: new vscode.ThemeIcon('check'), tooltip: l10n.t('OK') });

/** One row. */
export async function pickOne<Item extends vscode.QuickPickItem>(options: PickOptions<Item>): Promise<Answer<Item>> {
  const answer = await pick(options, undefined);
  if (answer.kind !== 'accept') return answer;
  const [value] = answer.value;
  return value === undefined ? { kind: 'leave' } : { kind: 'accept', value };
}

/** Some rows; where none is checked the focused one counts, so that Enter alone chooses. */
export function pickMany<Item extends vscode.QuickPickItem>(options: PickOptions<Item>, selected: (item: Item) => boolean): Promise<Answer<readonly Item[]>> {
  return pick(options, selected);
}

function pick<Item extends vscode.QuickPickItem>(options: PickOptions<Item>, selected: ((item: Item) => boolean) | undefined): Promise<Answer<readonly Item[]>> {
  const box = vscode.window.createQuickPick<Item>();
  const close = closeButton();
  applyFrame(box, options, [close]);
  box.placeholder = options.placeholder;
  box.matchOnDescription = true;
  box.matchOnDetail = true;
  box.canSelectMany = selected !== undefined;
  box.items = options.items;
  const active = options.items.find((item) => options.active?.(item));
  if (active) box.activeItems = [active];
  if (selected) box.selectedItems = options.items.filter(selected);
  return new Promise((resolve) => {
    const finish = (answer: Answer<readonly Item[]>): void => {
      resolve(answer);
      box.dispose();
    };
    box.onDidTriggerButton((button) => finish({ kind: button === close ? 'leave' : 'back' }));
    box.onDidTriggerItemButton(({ item, button }) => options.onButton?.(item, button));
    box.onDidAccept(() => {
      const chosen = box.selectedItems.length > 0 ? box.selectedItems : box.activeItems;
      if (chosen.length > 0 && chosen.every(({ kind }) => kind !== vscode.QuickPickItemKind.Separator)) finish({ kind: 'accept', value: chosen });
    });
    box.onDidHide(() => finish({ kind: 'leave' }));
    box.show();
  });
}

export interface TextOptions extends Frame {
  readonly prompt: string;
  readonly value?: string;
  readonly placeholder?: string;
  /** An error keeps the box open; information is shown below the text as it is typed. */
  readonly check: (text: string) => { readonly error: string } | { readonly error?: undefined; readonly info?: string };
}

export function askText(options: TextOptions): Promise<Answer<string>> {
  const box = vscode.window.createInputBox();
  const ok = okButton();
  const close = closeButton();
  applyFrame(box, options, [ok, close]);
  box.prompt = options.prompt;
  box.value = options.value ?? '';
  // Typing replaces what is there; the prompt stays in sight until then.
  box.valueSelection = [0, box.value.length];
  if (options.placeholder !== undefined) box.placeholder = options.placeholder;
  const judge = (): boolean => {
    const verdict = options.check(box.value);
    if (verdict.error !== undefined) {
      box.validationMessage = { message: verdict.error, severity: vscode.InputBoxValidationSeverity.Error };
      return false;
    }
    box.validationMessage = verdict.info === undefined ? undefined : { message: verdict.info, severity: vscode.InputBoxValidationSeverity.Info };
    return true;
  };
  return new Promise((resolve) => {
    const finish = (answer: Answer<string>): void => {
      resolve(answer);
      box.dispose();
    };
    const accept = (): void => {
      if (judge()) finish({ kind: 'accept', value: box.value.trim() });
    };
    box.onDidTriggerButton((button) => {
      if (button === ok) accept();
      else finish({ kind: button === close ? 'leave' : 'back' });
    });
    box.onDidChangeValue(judge);
    box.onDidAccept(accept);
    box.onDidHide(() => finish({ kind: 'leave' }));
    box.show();
  });
}

function applyFrame(box: vscode.QuickInput & { buttons: readonly vscode.QuickInputButton[] }, { title, place }: Frame, buttons: readonly vscode.QuickInputButton[]): void {
  box.title = title;
  box.ignoreFocusOut = true;
  box.buttons = place?.canGoBack === true ? [vscode.QuickInputButtons.Back, ...buttons] : buttons;
  if (!place) return;
  box.step = place.step;
  box.totalSteps = place.totalSteps;
}
