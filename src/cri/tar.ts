/** Writing and reading tar archives (POSIX ustar; GNU and PAX long names are read): what image archives are made of. */
import { Buffer } from 'node:buffer';

const blockSize = 512;

/** One member of an archive. */
export interface TarEntry {
  readonly name: string;
  readonly type: 'file' | 'directory' | 'symlink';
  /** Permission bits; 0644 for files and 0755 for directories when absent. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly linkTarget?: string;
  readonly content?: Uint8Array;
}

function header(entry: TarEntry): Buffer {
  const block = Buffer.alloc(blockSize);
  const { name, prefix } = splitName(entry.name);
  const octal = (value: number, at: number, width: number) =>
    block.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at, 'ascii');
  block.write(name, 0, 100, 'utf8');
  octal(entry.mode ?? (entry.type === 'directory' ? 0o755 : 0o644), 100, 8);
  octal(entry.uid ?? 0, 108, 8);
  octal(entry.gid ?? 0, 116, 8);
  octal(entry.type === 'file' ? (entry.content?.length ?? 0) : 0, 124, 12);
  octal(0, 136, 12);
  block.fill(' ', 148, 156);
  block.write({ file: '0', symlink: '2', directory: '5' }[entry.type], 156, 'ascii');
  block.write(entry.linkTarget ?? '', 157, 100, 'utf8');
  block.write('ustar\x0000', 257, 'ascii');
  block.write(prefix, 345, 155, 'utf8');
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'ascii');
  return block;
}

function splitName(full: string): { name: string; prefix: string } {
  if (Buffer.byteLength(full) <= 100) return { name: full, prefix: '' };
  for (let slash = full.indexOf('/'); slash > 0; slash = full.indexOf('/', slash + 1)) {
    const name = full.slice(slash + 1);
    if (Buffer.byteLength(name) <= 100 && slash <= 155) return { name, prefix: full.slice(0, slash) };
  }
  throw new Error(`the path ${full} is too long for a tar archive: shorten it`);
}

const padding = (size: number) => Buffer.alloc((blockSize - (size % blockSize)) % blockSize);

/** The bytes of one member. */
export function tarMember(entry: TarEntry): Buffer {
  const content = entry.type === 'file' ? (entry.content ?? new Uint8Array()) : new Uint8Array();
  return Buffer.concat([header(entry), content, padding(content.length)]);
}

/** The two empty blocks that end an archive. */
export const tarEnd: Buffer = Buffer.alloc(2 * blockSize);

/** A whole archive. */
export function packTar(entries: readonly TarEntry[]): Buffer {
  return Buffer.concat([...entries.map(tarMember), tarEnd]);
}

/** A member met while reading: its raw header blocks and how to get its content. */
export interface TarMemberHead {
  readonly name: string;
  readonly size: number;
  /** The header blocks as they were, including those of long names. */
  readonly head: Buffer;
}

/** What a reader does with a member: keep its whole content, pass its bytes on as they come, or skip it. */
export interface TarVisitor {
  /** Decides per member. `content` collects all of it and hands it to {@link onContent}. */
  onMember(member: TarMemberHead): 'content' | 'bytes' | 'skip';
  onContent?(member: TarMemberHead, content: Buffer): void | Promise<void>;
  /** Raw bytes (header, content and padding) of members that are passed on. */
  onBytes?(bytes: Buffer): void | Promise<void>;
}

/** Reads an archive from a stream. Throws when it ends in the middle of a member. */
export async function readTar(source: AsyncIterable<Uint8Array>, visitor: TarVisitor): Promise<void> {
  const reader = new BlockReader(source);
  let heads: Buffer[] = [];
  let longName: string | undefined;
  for (;;) {
    const block = await reader.take(blockSize);
    if (!block || block.every((byte) => byte === 0)) break;
    const size = sizeField(block);
    const type = String.fromCharCode(block[156]!);
    const padded = size + ((blockSize - (size % blockSize)) % blockSize);
    heads.push(block);
    if (type === 'L' || type === 'x' || type === 'g') {
      const body = await reader.need(padded);
      heads.push(body);
      if (type === 'L') longName = text(body.subarray(0, size));
      if (type === 'x') longName = paxPath(body.subarray(0, size)) ?? longName;
      continue;
    }
    const prefix = text(block.subarray(345, 500));
    const own = text(block.subarray(0, 100));
    const isUstar = block.subarray(257, 262).toString('latin1') === 'ustar';
    const name = longName ?? (isUstar && prefix ? `${prefix}/${own}` : own);
    const member = { name, size, head: Buffer.concat(heads) };
    heads = [];
    longName = undefined;
    const wish = visitor.onMember(member);
    if (wish === 'content') {
      await visitor.onContent?.(member, Buffer.from((await reader.need(padded)).subarray(0, size)));
      continue;
    }
    if (wish === 'bytes') await visitor.onBytes?.(member.head);
    for await (const bytes of reader.chunks(padded)) if (wish === 'bytes') await visitor.onBytes?.(bytes);
  }
}

function sizeField(block: Buffer): number {
  // GNU tar writes sizes of 8 GiB and more as a big-endian number with the top bit set.
  if (block[124]! & 0x80) return Number(block.readBigUInt64BE(128));
  const value = Number.parseInt(text(block.subarray(124, 136)).trim() || '0', 8);
  if (!Number.isFinite(value)) throw new Error('not a tar archive: a member has no valid size');
  return value;
}

function text(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.subarray(0, end < 0 ? bytes.length : end).toString('utf8');
}

function paxPath(body: Buffer): string | undefined {
  let at = 0;
  while (at < body.length) {
    const space = body.indexOf(0x20, at);
    const length = Number(body.subarray(at, space).toString());
    if (space < 0 || !Number.isInteger(length) || length <= 0) return undefined;
    const [key, ...value] = body
      .subarray(space + 1, at + length - 1)
      .toString('utf8')
      .split('=');
    if (key === 'path') return value.join('=');
    at += length;
  }
  return undefined;
}

class BlockReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** `size` bytes, or undefined at a clean end. */
  async take(size: number): Promise<Buffer | undefined> {
    const parts: Buffer[] = [];
    let have = 0;
    while (have < size) {
      if (this.#rest.length === 0) {
        const next = await this.#source.next();
        if (next.done) {
          if (have === 0) return undefined;
          throw new Error('the archive is cut off: it ends in the middle of a member');
        }
        this.#rest = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength);
      }
      const part = this.#rest.subarray(0, size - have);
      this.#rest = this.#rest.subarray(part.length);
      have += part.length;
      parts.push(part);
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }

  async need(size: number): Promise<Buffer> {
    if (size === 0) return Buffer.alloc(0);
    const bytes = await this.take(size);
    if (!bytes) throw new Error('the archive is cut off: it ends in the middle of a member');
    return bytes;
  }

  async *chunks(size: number): AsyncGenerator<Buffer> {
    let left = size;
    while (left > 0) {
      const bytes = await this.need(Math.min(left, this.#rest.length || Math.min(left, 65536)));
      left -= bytes.length;
      yield bytes;
    }
  }
}
