import { type SimdDecoding, simdDecoding } from './kernels/simd-decoding.js';

/** Bytes that are no delta, or one of a later format. Nothing of it may be applied: fatal. */
export class DeltaFormatError extends Error {
  readonly code = 'DELTA_FORMAT';

  constructor(message: string) {
    super(message);
    this.name = 'DELTA_FORMAT';
  }
}

/** Bits that hold every value of `values[from .. to - 1]` in zigzag: 0 for all zeros, at most 32. */
export function zigzagBits(values: Int32Array, from: number, to: number): number {
  let all = 0;
  for (let i = from; i < to; i++) {
    const value = values[i]!;
    all |= (value << 1) ^ (value >> 31);
  }
  return 32 - Math.clz32(all);
}

/** Bytes of a whole number below 2^53 as a varint. */
export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

/** A growing run of bytes: varints of up to 53 bits, zigzag, packed bits, text. */
export class ByteWriter {
  private bytes: Buffer;
  /** Of the same bytes. */
  private view: DataView;
  private used = 0;

  constructor(expected: number) {
    this.bytes = Buffer.allocUnsafe(Math.max(64, expected));
    this.view = viewOf(this.bytes);
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.used++] = value;
  }

  u32(value: number): void {
    this.reserve(4);
    this.used = this.bytes.writeUInt32LE(value >>> 0, this.used);
  }

  varint(value: number): void {
    this.reserve(8);
    let rest = value;
    while (rest >= 0x80000000) {
      this.bytes[this.used++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    while (rest >= 128) {
      this.bytes[this.used++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.bytes[this.used++] = rest;
  }

  /** Whole numbers of either sign up to 2^52. */
  signed(value: number): void {
    this.varint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  /** The width in bits, then the values in zigzag, each in so many bits. */
  packed(values: Int32Array, from: number, to: number): void {
    const width = zigzagBits(values, from, to);
    this.byte(width);
    if (width === 0) return;
    this.reserve(((to - from) * width + 7) >>> 3);
    const { bytes, view } = this;
    let at = this.used;
    let held = 0;
    let bits = 0;
    for (let i = from; i < to; i++) {
      const value = values[i]!;
      const zigzag = (value << 1) ^ (value >> 31);
      held |= zigzag << bits;
      const after = bits + width;
      if (after < 32) {
        bits = after;
        continue;
      }
      view.setInt32(at, held, true);
      at += 4;
      held = bits === 0 ? 0 : zigzag >>> (32 - bits);
      bits = after - 32;
    }
    for (; bits > 0; bits -= 8) {
      bytes[at++] = held;
      held >>>= 8;
    }
    this.used = at;
  }

  /** Length in bytes, then UTF-8. */
  text(value: string): void {
    const length = Buffer.byteLength(value, 'utf8');
    this.varint(length);
    this.reserve(length);
    this.used += this.bytes.write(value, this.used, 'utf8');
  }

  /** As one text: what each of the texts has from its start on. */
  tails(texts: readonly string[], starts: Int32Array): void {
    let length = 0;
    for (let i = 0; i < texts.length; i++) length += texts[i]!.length - starts[i]!;
    const before = this.used;
    this.varint(length);
    this.reserve(length);
    if (this.ascii(texts, starts)) return;
    this.used = before;
    this.text(texts.map((text, i) => text.slice(starts[i]!)).join(''));
  }

  /** Writes them character by character, for which there has to be room; false where one is not ASCII. */
  private ascii(texts: readonly string[], starts: Int32Array): boolean {
    const { bytes } = this;
    let at = this.used;
    for (let i = 0; i < texts.length; i++) {
      const text = texts[i]!;
      for (let k = starts[i]!; k < text.length; k++) {
        const unit = text.charCodeAt(k);
        if (unit > 127) return false;
        bytes[at++] = unit;
      }
    }
    this.used = at;
    return true;
  }

  /** What was written, with its checksum behind it. */
  finish(): Buffer {
    this.u32(checksum(this.bytes, this.used));
    return this.bytes.subarray(0, this.used);
  }

  private reserve(more: number): void {
    if (this.used + more <= this.bytes.length) return;
    const next = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.used + more));
    this.bytes.copy(next, 0, 0, this.used);
    this.bytes = next;
    this.view = viewOf(next);
  }
}

/** Reads what a ByteWriter finished. Every reading beyond the end is a DeltaFormatError. */
export class ByteReader {
  /** Reads much at once, once the checksum was verified; null where there are no kernels. */
  private readonly kernels: SimdDecoding | null;
  private readonly bytes: Buffer;
  private readonly end: number;
  private at = 0;

  constructor(bytes: Uint8Array, kernels = simdDecoding()) {
    this.kernels = kernels;
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.end = bytes.byteLength - 4;
    if (this.end < 1) throw new DeltaFormatError(`A delta of ${bytes.byteLength} bytes is cut off`);
  }

  get left(): number {
    return this.end - this.at;
  }

  verifyChecksum(): void {
    const { bytes, end, kernels } = this;
    const sum = kernels === null ? checksum(bytes, end) : kernels.checksum(bytes, end);
    if (bytes.readUInt32LE(end) !== sum) {
      throw new DeltaFormatError('The checksum of a delta is wrong: it is cut off or damaged');
    }
  }

  /** What kernels make of what follows; null where none can, or something is wrong. */
  read<T extends { readonly end: number }>(
    by: (kernels: SimdDecoding, at: number) => T | null,
  ): T | null {
    const found = this.kernels === null ? null : by(this.kernels, this.at);
    if (found !== null) this.at = found.end;
    return found;
  }

  byte(): number {
    if (this.at >= this.end) throw new DeltaFormatError('A delta ends too early');
    return this.bytes[this.at++]!;
  }

  varint(): number {
    let value = 0;
    let factor = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.byte();
      value += (byte & 127) * factor;
      if (byte < 128) return value;
      factor *= 128;
    }
    throw new DeltaFormatError('A whole number in a delta has more than 53 bits');
  }

  signed(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** How many things follow, each of at least so many bytes. */
  size(leastBytes: number): number {
    const size = this.varint();
    if (size * leastBytes > this.left) {
      throw new DeltaFormatError(`A delta speaks of ${size} entries in ${this.left} bytes`);
    }
    return size;
  }

  packed(values: Int32Array, from: number, to: number): void {
    const width = this.byte();
    if (width > 32) throw new DeltaFormatError(`A delta packs weights in ${width} bits`);
    if (width === 0) return;
    if (((to - from) * width + 7) >>> 3 > this.left) {
      throw new DeltaFormatError('A delta ends within a row');
    }
    const { bytes } = this;
    let at = this.at;
    let held = 0;
    let bits = 0;
    const low = Math.min(width, 16);
    const high = width - low;
    const lowMask = (1 << low) - 1;
    const highMask = (1 << high) - 1;
    for (let i = from; i < to; i++) {
      while (bits < low) {
        held |= bytes[at++]! << bits;
        bits += 8;
      }
      let zigzag = held & lowMask;
      held >>>= low;
      bits -= low;
      if (high > 0) {
        while (bits < high) {
          held |= bytes[at++]! << bits;
          bits += 8;
        }
        zigzag |= (held & highMask) << 16;
        held >>>= high;
        bits -= high;
      }
      values[i] = (zigzag >>> 1) ^ -(zigzag & 1);
    }
    this.at = at;
  }

  text(): string {
    const length = this.size(1);
    const text = this.bytes.toString('utf8', this.at, this.at + length);
    this.at += length;
    return text;
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Buffer): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** FNV-1a, 32 bits, four bytes at a time and the rest one by one. */
function checksum(bytes: Buffer, length: number): number {
  let hash = 0x811c9dc5 | 0;
  const words = length & ~3;
  const view = viewOf(bytes);
  for (let i = 0; i < words; i += 4) {
    hash = Math.imul(hash ^ view.getInt32(i, true), 0x01000193);
    hash ^= hash >>> 15;
  }
  for (let i = words; i < length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return hash >>> 0;
}
