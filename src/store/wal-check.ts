import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/**
 * Reads a SQLite write-ahead log before SQLite does. SQLite ends recovery at the first frame that does not verify and
 * silently drops what follows: right for a write that a crash cut off, wrong for a damaged disk. Only one transaction is
 * ever unflushed here, so whatever is unverifiable and holds more than one commit was acknowledged once.
 *
 * @returns what is wrong, or undefined when the log is whole or ends in a torn write.
 */
export function findWalDamage(path: string): string | undefined {
  const bytes = readWhole(path);
  if (!bytes || bytes.length <= headerSize) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0);
  const pageSize = view.getUint32(8);
  const bigEndian = magic === 0x377f0683;
  const validMagic = bigEndian || magic === 0x377f0682;
  const headerSum = sumWords(view, { from: 0, to: 24, littleEndian: !bigEndian }, [0, 0]);
  const headerValid = validMagic && headerSum[0] === view.getUint32(24) && headerSum[1] === view.getUint32(28);
  if (!headerValid || pageSize < 512) {
    return bytes.length > headerSize + 2 * frameHeaderSize
      ? `its header does not verify and ${bytes.length} bytes follow it`
      : undefined;
  }
  const frameSize = frameHeaderSize + pageSize;
  const frames = Math.floor((bytes.length - headerSize) / frameSize);
  const salts: Pair = [view.getUint32(16), view.getUint32(20)];
  const isCurrent = (at: number) => view.getUint32(at + 8) === salts[0] && view.getUint32(at + 12) === salts[1];

  let sum = headerSum;
  let frame = 0;
  for (; frame < frames; frame++) {
    const at = headerSize + frame * frameSize;
    if (!isCurrent(at)) break;
    sum = sumWords(view, { from: at, to: at + 8, littleEndian: !bigEndian }, sum);
    sum = sumWords(view, { from: at + frameHeaderSize, to: at + frameSize, littleEndian: !bigEndian }, sum);
    if (sum[0] !== view.getUint32(at + 16) || sum[1] !== view.getUint32(at + 20)) break;
  }
  let lostCommits = 0;
  for (let rest = frame; rest < frames; rest++) {
    const at = headerSize + rest * frameSize;
    if (isCurrent(at) && view.getUint32(at + 4) !== 0) lostCommits++;
  }
  return lostCommits > 1 ? `frame ${frame + 1} does not verify and ${lostCommits} commits follow it` : undefined;
}

const headerSize = 32;
const frameHeaderSize = 24;

type Pair = [number, number];

function sumWords(view: DataView, range: { from: number; to: number; littleEndian: boolean }, start: Pair): Pair {
  let [first, second] = start;
  for (let at = range.from; at < range.to; at += 8) {
    first = (first + view.getUint32(at, range.littleEndian) + second) >>> 0;
    second = (second + view.getUint32(at + 4, range.littleEndian) + first) >>> 0;
  }
  return [first, second];
}

function readWhole(path: string): Uint8Array | undefined {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const bytes = new Uint8Array(fstatSync(file).size);
    let at = 0;
    while (at < bytes.length) {
      const count = readSync(file, bytes, at, Math.min(bytes.length - at, 1 << 30), at);
      if (count === 0) break;
      at += count;
    }
    return bytes.subarray(0, at);
  } finally {
    closeSync(file);
  }
}
