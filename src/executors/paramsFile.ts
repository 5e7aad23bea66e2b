/**
 * The frozen parameters of a run, as the dispatcher reads them: `<run_id>.params.jsonl`, whose text without its last newline
 * hashes to cmd_sha, and `<run_id>.params.idx`, by which a task finds and checks its own line without reading the rest.
 *
 * Index format: a header of 128 bytes, `hpc-params-index 1 <count> <bytes of the parameter file> <cmd_sha>` padded with
 * blanks and closed by a newline, then per line 12 bytes, big endian: offset (8), CRC-32 of the line (4); and one last
 * record whose offset is the end of the file.
 */
import { sha256Hex } from '../foundation/ids.ts';
import { crc32 } from './crc32.ts';

const headerBytes = 128;
const recordBytes = 12;

export interface FrozenParams {
  /** Text of `<run_id>.params.jsonl`. */
  readonly params: string;
  /** Bytes of `<run_id>.params.idx`. */
  readonly index: Uint8Array;
  readonly cmdSha: string;
}

/** `lines`: canonical JSON, ASCII, one per task. */
export function freezeParams(lines: readonly string[]): FrozenParams {
  const joined = lines.join('\n');
  const params = lines.length === 0 ? '' : `${joined}\n`;
  const cmdSha = sha256Hex(joined);
  const index = Buffer.alloc(headerBytes + recordBytes * (lines.length + 1), ' ');
  index.write(`hpc-params-index 1 ${lines.length} ${params.length} ${cmdSha}`, 0, 'latin1');
  index.write('\n', headerBytes - 1, 'latin1');
  let offset = 0;
  lines.forEach((line, i) => {
    index.writeBigUInt64BE(BigInt(offset), headerBytes + i * recordBytes);
    index.writeUInt32BE(crc32(line), headerBytes + i * recordBytes + 8);
    offset += line.length + 1;
  });
  index.writeBigUInt64BE(BigInt(offset), headerBytes + lines.length * recordBytes);
  index.writeUInt32BE(0, headerBytes + lines.length * recordBytes + 8);
  return { params, index, cmdSha };
}
