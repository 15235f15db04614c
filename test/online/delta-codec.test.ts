import { describe, expect, it } from 'vitest';
import { mergeDeltas } from '../../src/online/delta.js';
import { ByteWriter } from '../../src/online/delta-bytes.js';
import {
  DeltaFormatError,
  decodeDelta,
  encodeDelta,
  splitDelta,
} from '../../src/online/delta-codec.js';
import { emptyDelta } from '../../src/online/empty-delta.js';
import { Model } from '../../src/online/model.js';
import type { Delta } from '../../src/online/types.js';
import { neighbourDelta, PairCollector } from '../../src/online/wide/pairs.js';
import { fc } from '../support/properties.js';
import { OPTIONS, portrait, randomDeltas } from './model-fixtures.js';

const anyDelta: fc.Arbitrary<Delta> = fc
  .record({
    dimension: fc.integer({ min: 1, max: 5 }),
    ids: fc.uniqueArray(fc.string({ unit: 'grapheme', maxLength: 12 }), { maxLength: 5 }),
    events: fc.nat(),
    bits: fc.integer({ min: 0, max: 31 }),
    seed: fc.nat(),
    blocks: fc.uniqueArray(fc.constantFrom('R', 'W/a', 'A/a/b', 'gate/a/b'), { maxLength: 3 }),
  })
  .map(({ dimension, ids, events, bits, seed, blocks }) => {
    let state = seed;
    const int32 = () => {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      return bits === 0 ? 0 : state >> (32 - bits);
    };
    const whole = () => (int32() >>> 0) * 2 ** 20 + 1;
    const n = ids.length;
    const both = new PairCollector();
    const oneWay = new PairCollector();
    for (let i = 0; n > 1 && i < bits; i++) {
      const from = (int32() >>> 0) % n;
      (i % 3 === 0 ? oneWay : both).add(from, (from + 1) % n, i % 2 === 0 ? 1 : int32() >> 8);
    }
    return {
      events,
      items: {
        keys: ids.map((id, i) => `${i % 2 === 0 ? 'films' : 'a.b'}/${id}`),
        counts: Int32Array.from({ length: n }, int32),
        values: Int32Array.from({ length: n * (dimension + 1) }, int32),
        accumulators: Float64Array.from({ length: n * 2 }, whole),
      },
      blocks: blocks.map((key) => ({
        key,
        values: Int32Array.from({ length: 3 * 7 }, (_, i) => (i < 7 ? 0 : int32())),
        accumulators: Float64Array.from({ length: 3 }, whole),
      })),
      ...neighbourDelta(both, oneWay, n),
    };
  });

describe('the bytes of a delta', () => {
  it('decode to the delta', () => {
    fc.assert(
      fc.property(anyDelta, (delta) => {
        expect(decodeDelta(encodeDelta(delta))).toEqual(delta);
      }),
      { numRuns: 150 },
    );
  });

  it('are few for what is zero', () => {
    const d = 32;
    const block = {
      key: 'A/films/books',
      values: new Int32Array(d * d),
      accumulators: new Float64Array(d),
    };
    block.values[5 * d] = 1000;
    const delta = { ...emptyDelta(), blocks: [block] };
    expect(encodeDelta(delta).length).toBeLessThan(2 * d + 80);
  });

  it('that are cut off or changed anywhere are refused with a DeltaFormatError', () => {
    const bytes = encodeDelta(mergeDeltas(randomDeltas(3, 4)));
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeDelta(bytes.subarray(0, length))).toThrow(DeltaFormatError);
    }
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= 1 << (at % 8);
      expect(() => decodeDelta(damaged)).toThrow(DeltaFormatError);
    }
  });

  it('are read by kernels as by the loops, and refused for the same reason', () => {
    const read = (bytes: Uint8Array, plain: boolean): unknown => {
      try {
        return decodeDelta(bytes, { plain });
      } catch (error) {
        return (error as Error).message;
      }
    };
    fc.assert(
      fc.property(anyDelta, fc.nat(), fc.nat({ max: 255 }), (delta, at, flipped) => {
        const bytes = encodeDelta(delta).subarray(0, -4);
        // Damage behind a checksum that is right.
        if (bytes.length > 1) bytes[1 + (at % (bytes.length - 1))]! ^= flipped;
        const writer = new ByteWriter(bytes.length + 4);
        for (const byte of bytes) writer.byte(byte);
        const made = writer.finish();
        expect(read(made, false)).toEqual(read(made, true));
      }),
      { numRuns: 500 },
    );
  });

  it('of a later version are refused by version', () => {
    const bytes = encodeDelta(emptyDelta());
    bytes[0] = 5;
    expect(() => decodeDelta(bytes)).toThrow(/version 5/);
  });

  it('that are random are refused, never a crash', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(() => decodeDelta(Uint8Array.from([1, ...bytes]))).toThrow(DeltaFormatError);
      }),
    );
  });
});

describe('the parts of a delta', () => {
  /** Far below what it takes, and about what it may take at the most. */
  const limits = fc.oneof(
    fc.integer({ min: 200, max: 900 }),
    fc.integer({ min: 900, max: 10_000 }),
  );

  it('keep below the limit, add up to it in any order, and carry its events once', () => {
    fc.assert(
      fc.property(fc.nat(), limits, (seed, limit) => {
        const delta = mergeDeltas(randomDeltas(seed, 5));
        const parts = splitDelta(delta, limit);
        for (const part of parts) expect(encodeDelta(part).length).toBeLessThanOrEqual(limit);
        const whole = new Model(OPTIONS);
        whole.apply(delta);
        const summed = new Model(OPTIONS);
        for (const part of parts) summed.apply(part);
        expect(portrait(summed)).toEqual(portrait(whole));
        const backwards = new Model(OPTIONS);
        for (const part of parts.slice().reverse()) backwards.apply(part);
        expect(backwards.digest()).toBe(whole.digest());
        expect(parts.map((part) => part.events).slice(1)).toEqual(parts.slice(1).map(() => 0));
      }),
      { numRuns: 50 },
    );
  });

  it('are one where it fits', () => {
    const delta = mergeDeltas(randomDeltas(1, 3));
    expect(splitDelta(delta, 1_000_000)).toEqual([delta]);
    expect(splitDelta(emptyDelta(), 100)).toEqual([emptyDelta()]);
  });

  it('do not exist where one row alone is too large', () => {
    const delta = mergeDeltas(randomDeltas(1, 6));
    expect(() => splitDelta(delta, 45)).toThrow(/takes/);
  });
});
