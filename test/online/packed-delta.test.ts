import { describe, expect, it } from 'vitest';
import { ByteWriter } from '../../src/online/delta-bytes.js';
import { decodeDelta, encodeDelta } from '../../src/online/delta-codec.js';
import { emptyDelta } from '../../src/online/empty-delta.js';
import { simdMemory } from '../../src/online/kernels/memory.js';
import { Model } from '../../src/online/model.js';
import { PackedReader } from '../../src/online/packed-delta.js';
import type { Delta } from '../../src/online/types.js';
import { fc } from '../support/properties.js';
import { DIMENSION, OPTIONS, portrait, randomDeltas } from './model-fixtures.js';

function emptyModel(): Model {
  const memory = simdMemory(DIMENSION);
  if (memory === null) throw new Error('There is no WebAssembly with SIMD here');
  return new Model(OPTIONS, memory);
}

/** Deltas with nothing but what is read without decoding. */
function withoutContent(deltas: readonly Delta[]): Delta[] {
  return deltas.map(({ content: _, ...delta }) => ({
    ...delta,
    blocks: delta.blocks.filter(({ key }) => !key.startsWith('content/')),
  }));
}

/** Items without values, of this domain and with these ids; as many events as there are. */
function deltaOf(domain: string, ids: readonly string[]): Delta {
  const n = ids.length;
  return {
    ...emptyDelta(),
    events: n,
    items: {
      keys: ids.map((id) => `${domain}/${id}`),
      counts: new Int32Array(n).fill(1),
      values: Int32Array.from({ length: n * (DIMENSION + 1) }, (_, i) => i - n),
      accumulators: Float64Array.from({ length: n * 2 }, (_, i) => i + 1),
    },
  };
}

describe('a delta that is applied out of its bytes', () => {
  it('changes a model as the delta does that they are decoded to', () => {
    fc.assert(
      fc.property(fc.nat(), fc.boolean(), (seed, content) => {
        const random = randomDeltas(seed, 12);
        const deltas = content ? random : withoutContent(random);
        const direct = emptyModel();
        const decoded = emptyModel();
        for (const [i, delta] of deltas.entries()) {
          direct.applyBytes(encodeDelta(delta));
          decoded.apply(delta);
          // Rows that go away, and whose numbers others get.
          if (i % 4 !== 3) continue;
          direct.revert(delta);
          decoded.revert(delta);
        }
        expect(portrait(direct)).toEqual(portrait(decoded));
      }),
      { numRuns: 60 },
    );
  });

  it('is read without being decoded, unless its keys are not ASCII', () => {
    const model = emptyModel();
    const read = (delta: Delta): boolean =>
      PackedReader.for(model)!.read(encodeDelta(delta)) !== null;
    expect(read(withoutContent(randomDeltas(1, 3))[0]!)).toBe(true);
    expect(read(deltaOf('films', ['a', 'b'.repeat(300), '']))).toBe(true);
    expect(read(deltaOf('films', ['a', 'Amélie']))).toBe(false);
  });

  it('finds the row of any key, however long, and of more keys than are kept', () => {
    const ids = Array.from({ length: 40_000 }, (_, i) => `${'x'.repeat(i % 70)}${i}`);
    const direct = emptyModel();
    const decoded = emptyModel();
    for (const domain of ['films', 'books', 'films']) {
      for (const some of [ids, ids.toReversed(), ['Amélie', ...ids.slice(5)]]) {
        const delta = deltaOf(domain, some);
        direct.applyBytes(encodeDelta(delta));
        decoded.apply(delta);
      }
    }
    expect(direct.digest()).toBe(decoded.digest());
  });

  it('is refused for the same reason, and leaves the model alone then', () => {
    const outcome = (change: () => void): string | null => {
      try {
        change();
        return null;
      } catch (error) {
        return (error as Error).message;
      }
    };
    const deltas = withoutContent(randomDeltas(5, 30));
    fc.assert(
      fc.property(
        fc.nat({ max: 29 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (which, at, flipped) => {
          const bytes = encodeDelta(deltas[which]!).subarray(0, -4);
          // Damage behind a checksum that is right.
          bytes[1 + (at % (bytes.length - 1))]! ^= flipped;
          const writer = new ByteWriter(bytes.length + 4);
          for (const byte of bytes) writer.byte(byte);
          const damaged = writer.finish();
          const direct = emptyModel();
          const decoded = emptyModel();
          for (const model of [direct, decoded]) model.applyBytes(encodeDelta(deltas[0]!));
          const fault = outcome(() => direct.applyBytes(damaged));
          expect(fault).toBe(outcome(() => decoded.apply(decodeDelta(damaged, { plain: true }))));
          expect(portrait(direct)).toEqual(portrait(decoded));
        },
      ),
      { numRuns: 300 },
    );
  });
});
