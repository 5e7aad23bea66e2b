/** Headers of a POSIX tar: a name that does not fit the old header, and a size beyond 8 GiB, go into a pax header before it. */

const largestOctal = 0o77777777777;

function header(name: Uint8Array, size: number, mode: number, mtimeS: number, type: string): Buffer {
  const block = Buffer.alloc(512);
  block.set(name.subarray(0, 99), 0);
  const octal = (value: number, offset: number, width: number): void => void block.write(`${Math.max(0, value).toString(8).padStart(width - 1, '0')}\0`, offset, 'latin1');
  octal(mode & 0o7777, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(Math.min(size, largestOctal), 124, 12);
  octal(mtimeS, 136, 12);
  block.write(' '.repeat(8), 148, 'latin1');
  block.write(type, 156, 'latin1');
  block.write('ustar\u000000', 257, 'latin1');
  let sum = 0;
  // By index: an iterator over half a thousand bytes is the costliest part of sending a small file.
  for (let i = 0; i < 270; i += 1) sum += block[i] ?? 0;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function record(key: string, value: string): string {
  const body = ` ${key}=${value}\n`;
  const bytes = Buffer.byteLength(body);
  let length = bytes + String(bytes).length;
  length = bytes + String(length).length;
  return `${length}${body}`;
}

export function tarPadding(size: number): Buffer {
  return Buffer.alloc((512 - (size % 512)) % 512);
}

export function tarHeader(name: string, size: number, options: { mode?: number; mtimeS?: number } = {}): Buffer {
  const bytes = Buffer.from(name);
  const plain = bytes.length < 100 && bytes.every((byte) => byte < 127);
  const own = header(bytes, size, options.mode ?? 0o644, options.mtimeS ?? 0, '0');
  if (plain && size <= largestOctal) return own;
  const records = Buffer.from(`${plain ? '' : record('path', name)}${size > largestOctal ? record('size', String(size)) : ''}`);
  return Buffer.concat([header(Buffer.from('pax'), records.length, 0o644, 0, 'x'), records, tarPadding(records.length), own]);
}

export function tarMember(name: string, data: Uint8Array): Buffer {
  return Buffer.concat([tarHeader(name, data.length), data, tarPadding(data.length)]);
}
