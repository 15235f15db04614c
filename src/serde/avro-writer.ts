import { HEADER_BYTES, writeHeader } from './wire.js';

/** Strings up to this length are written character by character: a call of the runtime costs more. */
const SHORT_TEXT = 48;
/** The most bytes of a varint. */
const VARINT_BYTES = 10;
/** A long that is exact in a number, as avsc has it: 2n must be exact below zero too. */
const LEAST_LONG = -(2 ** 52);
const LOW = 2 ** 28;

/**
 * Writes one record after the other in the wire format, field by field: what avsc would write, without
 * the objects that it wants to be given and without its checks of their shape. One buffer serves all
 * records; `finish` copies what was written.
 *
 *     writer.begin(4); writer.text('user-1'); writer.long(3n); writer.finish();
 */
export class AvroWriter {
  #buffer = Buffer.allocUnsafeSlow(16_384);
  #view = new DataView(this.#buffer.buffer);
  #at = 0;

  begin(schemaId: number): void {
    writeHeader(this.#buffer, schemaId);
    this.#at = HEADER_BYTES;
  }

  /** Returns the record. It is the caller's. */
  finish(): Buffer {
    const bytes = Buffer.allocUnsafe(this.#at);
    bytes.set(this.#buffer.subarray(0, this.#at));
    return bytes;
  }

  /** An int or a long; also the size of an array's block, 0 at its end. Throws TypeError beyond -2^52 to 2^53. */
  long(value: number): void {
    this.#reserve(VARINT_BYTES);
    const buffer = this.#buffer;
    let at = this.#at;
    let rest: number;
    if ((value & 0x3fffffff) === value) {
      rest = value << 1;
    } else {
      if (!Number.isSafeInteger(value) || value < LEAST_LONG) {
        throw new TypeError(`${value} is no whole number that an Avro long holds exactly`);
      }
      const zigzag = value < 0 ? -2 * value - 1 : 2 * value;
      // Integers of 32 bits are far faster than whole numbers in doubles: four groups of 7 bits first.
      const high = Math.floor(zigzag / LOW);
      const low = zigzag - high * LOW;
      if (high === 0) rest = low;
      else {
        buffer[at++] = (low & 127) | 128;
        buffer[at++] = ((low >>> 7) & 127) | 128;
        buffer[at++] = ((low >>> 14) & 127) | 128;
        buffer[at++] = (low >>> 21) | 128;
        rest = high;
      }
    }
    while (rest > 127) {
      buffer[at++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    buffer[at++] = rest;
    this.#at = at;
  }

  float(value: number): void {
    this.#reserve(4);
    this.#view.setFloat32(this.#at, value, true);
    this.#at += 4;
  }

  /** The string from its character `start` on. */
  text(value: string, start = 0): void {
    const length = value.length - start;
    if (length <= SHORT_TEXT) {
      this.#reserve(length + 1);
      const buffer = this.#buffer;
      const at = this.#at;
      let i = 0;
      for (; i < length; i++) {
        const unit = value.charCodeAt(start + i);
        if (unit > 127) break;
        buffer[at + 1 + i] = unit;
      }
      if (i === length) {
        buffer[at] = length << 1;
        this.#at = at + 1 + length;
        return;
      }
    }
    const text = start === 0 ? value : value.slice(start);
    const bytes = Buffer.byteLength(text);
    this.long(bytes);
    this.#reserve(bytes);
    this.#at += this.#buffer.write(text, this.#at);
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafeSlow((this.#at + bytes) * 2);
    grown.set(this.#buffer.subarray(0, this.#at));
    this.#buffer = grown;
    this.#view = new DataView(grown.buffer);
  }
}
