/**
 * What a program wrote for a terminal, as text that is safe and readable in an editor.
 *
 * Rules: time grows with the length alone, whatever the text (progress bars write megabytes without a line break); nothing that could
 * steer a terminal, reorder the line or end it unseen is left as it is; HTML stays the characters that it is.
 */

const special = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/;
/** Sequences of a terminal: with parameters, with a text (titles, links), with one letter. A text that nothing ends goes as far as the next sequence or the line. */
const sequences = /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|(?:\u001b[\]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u009c|\u001b\\|(?=\u001b)|$)|\u001b[ -/]*[0-~]/g;
const invisible = /[\u0000-\u0007\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Control characters as their pictures; what turns or breaks the line by its number. */
function picture(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return '\u2421';
  return `\u27e8U+${code.toString(16).toUpperCase().padStart(4, '0')}\u27e9`;
}

function erased(text: string): string {
  if (!text.includes('\b')) return text;
  const kept: string[] = [];
  for (const character of text) {
    if (character === '\b') kept.pop();
    else kept.push(character);
  }
  return kept.join('');
}

/** One line, without its end. A carriage return leaves only what was written last. */
export function plainLine(line: string): string {
  if (!special.test(line)) return line;
  const parts = line.replace(sequences, '').split('\r');
  const last = parts.findLast((part) => part !== '') ?? '';
  return erased(last).replace(invisible, picture);
}

/** Whole lines; what an editor would take for an end of line is one only where it is `\n`. */
export function plainText(text: string): string {
  return special.test(text) ? text.split('\n').map(plainLine).join('\n') : text;
}
