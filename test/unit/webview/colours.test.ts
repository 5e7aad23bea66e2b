import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';

describe('colours of the page (unit)', () => {
  it('rest on no theme colour that is a mark for found text: it can hardly be seen, or not at all', async () => {
    const folder = path.resolve('webview');
    const sheets = (await fs.readdir(folder, { recursive: true })).filter((name) => name.endsWith('.css'));
    assert.ok(sheets.length >= 4);
    for (const name of sheets) assert.doesNotMatch(await fs.readFile(path.join(folder, name), 'utf8'), /--vscode-charts-(orange|lines)/, name);
  });
});
