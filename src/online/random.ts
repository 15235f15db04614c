/**
 * Seeded randomness that is the same on every platform: 32-bit integer operations alone decide it.
 *
 * The generator is sfc32 (Chris Doty-Humphrey, PractRand): a 128-bit state with a counter, period of
 * at least 2^32, no multiplication. Its seed is a hash of any parts (MurmurHash3's 32-bit mixing over
 * four lanes), so that `Random.of(seed, topic, partition, offset)` is independent of what was drawn
 * before it.
 */

export type SeedPart = string | number | bigint;

const scratch = new DataView(new ArrayBuffer(8));

export class Random {
  private a = 0x9e3779b9 | 0;
  private b = 0x243f6a88 | 0;
  private c = 0xb7e15162 | 0;
  private counter = 1;

  /** A generator for these parts; `Random.of(1, 'a')` and `Random.of('1', 'a')` differ. */
  constructor(...parts: SeedPart[]) {
    for (const part of parts) this.absorbPart(part);
    // The lanes know only their own words until they are stirred.
    for (let i = 0; i < 12; i++) this.next();
  }

  static of(...parts: SeedPart[]): Random {
    return new Random(...parts);
  }

  /** A whole number in [0, 2^32). */
  next(): number {
    const t = (((this.a + this.b) | 0) + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + t) | 0;
    return t >>> 0;
  }

  /** A number in [0, 1): a multiple of 2^-32. */
  float(): number {
    return this.next() / 4294967296;
  }

  /** A whole number in [0, n), for 1 <= n <= 2^32; the bias is below n / 2^32. */
  below(n: number): number {
    return Math.floor(this.float() * n);
  }

  /**
   * A number of mean 0 and variance 1 by the sum of eight uniforms of 16 bits: close to normal within
   * three deviations, never beyond 4.9, and free of `log` and `cos`, whose last bits vary by platform.
   */
  normal(): number {
    let sum = 0;
    for (let i = 0; i < 4; i++) {
      const bits = this.next();
      sum += (bits >>> 16) + (bits & 0xffff);
    }
    return (sum - NORMAL_MEAN) * NORMAL_SCALE;
  }

  /** Writes the state, four words, from which another `restore` goes on. */
  save(words: Int32Array): void {
    words[0] = this.a;
    words[1] = this.b;
    words[2] = this.c;
    words[3] = this.counter;
  }

  /** Goes on from a state that was saved. */
  restore(words: Int32Array): void {
    this.a = words[0]!;
    this.b = words[1]!;
    this.c = words[2]!;
    this.counter = words[3]!;
  }

  private absorbPart(part: SeedPart): void {
    if (typeof part === 'string') {
      this.absorb(0x73000000 | 0, part.length);
      for (let i = 0; i < part.length; i++) this.absorb(part.charCodeAt(i), i);
    } else if (typeof part === 'number') {
      scratch.setFloat64(0, part);
      this.absorb(0x6e000000 | 0, 0);
      this.absorb(scratch.getInt32(0), scratch.getInt32(4));
    } else {
      this.absorb(0x62000000 | 0, Number(BigInt.asIntN(32, part >> 64n)));
      this.absorb(Number(BigInt.asIntN(32, part)), Number(BigInt.asIntN(32, part >> 32n)));
    }
  }

  private absorb(first: number, second: number): void {
    this.a = mix(this.a ^ first) + this.c;
    this.b = mix((this.b + this.a) ^ second) + first;
    this.c = mix(this.c ^ this.b);
  }
}

const NORMAL_MEAN = 8 * (65535 / 2);
/** 1 / deviation of the sum of eight uniforms on 0..65535: sqrt(8 (65536^2 - 1) / 12). */
const NORMAL_SCALE = 1 / Math.sqrt((8 * (65536 * 65536 - 1)) / 12);

function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
