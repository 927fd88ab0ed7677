/**
 * Writes protobuf from the end of a buffer to its beginning, as gogo's generated code does: when a message's header is
 * written its length is known, so nothing is measured twice.
 */
export class BackwardWriter {
  #buffer: Buffer;
  #at: number;

  constructor(size = 1024) {
    this.#buffer = Buffer.allocUnsafe(size);
    this.#at = size;
  }

  /** Bytes written so far: remember it before a message to pass to {@link header}. */
  get written(): number {
    return this.#buffer.length - this.#at;
  }

  /** The bytes, in a buffer of their own. */
  finish(): Uint8Array {
    return this.#buffer.subarray(this.#at);
  }

  #reserve(size: number): void {
    if (this.#at >= size) return;
    const used = this.written;
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, used + size + 64));
    this.#buffer.copy(grown, grown.length - used, this.#at);
    this.#buffer = grown;
    this.#at = grown.length - used;
  }

  /** An unsigned number of up to 53 bits; a bigint or a negative one as the 64-bit two's complement that Go writes. */
  varint(value: number | bigint): void {
    this.#reserve(10);
    if (typeof value === 'bigint' || value < 0) {
      let rest = BigInt.asUintN(64, BigInt(value));
      const bytes: number[] = [];
      for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
      bytes.push(Number(rest));
      for (let i = bytes.length - 1; i >= 0; i--) this.#buffer[--this.#at] = bytes[i]!;
      return;
    }
    if (value < 0x80) {
      this.#buffer[--this.#at] = value;
      return;
    }
    let size = 1;
    for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
    this.#at -= size;
    let rest = value;
    for (let i = 0; i < size - 1; i++) {
      this.#buffer[this.#at + i] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#buffer[this.#at + size - 1] = rest;
  }

  tag(number: number, wireType: number): void {
    this.varint(number * 8 + wireType);
  }

  double(value: number): void {
    this.#reserve(8);
    this.#at -= 8;
    this.#buffer.writeDoubleLE(value, this.#at);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#at -= bytes.length;
    this.#buffer.set(bytes, this.#at);
  }

  utf8(text: string): void {
    const size = Buffer.byteLength(text);
    this.#reserve(size);
    this.#at -= size;
    this.#buffer.write(text, this.#at, size, 'utf8');
  }

  /** The header of a length-delimited field whose content has been written since `before`. */
  header(number: number, before: number): void {
    this.varint(this.written - before);
    this.tag(number, 2);
  }

  string(number: number, text: string): void {
    const before = this.written;
    this.utf8(text);
    this.header(number, before);
  }

  bytes(number: number, bytes: Uint8Array): void {
    const before = this.written;
    this.raw(bytes);
    this.header(number, before);
  }

  int(number: number, value: number | bigint): void {
    this.varint(value);
    this.tag(number, 0);
  }
}
