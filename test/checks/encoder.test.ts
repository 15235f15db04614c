import { describe, expect, it } from 'vitest';
import type { EncoderParameters, Histories } from '../../src/online/encoders/encoder.js';
import { ENCODERS } from '../../src/online/encoders/index.js';
import { Random } from '../../src/online/random.js';
import { gradientError, normals } from './tower-cases.js';

const d = 4;
const zeros = (length: number): Float64Array => new Float64Array(length);

/** Three slots: a mixed one with a repeated row, one of weight zero alone, and an empty one. */
const histories: Histories = {
  slots: 4,
  offsets: Int32Array.of(0, 5, 6, 6, 8),
  rows: Int32Array.of(0, 3, 1, 3, 4, 2, 5, 0),
  weights: Float64Array.of(1, 0.5, 0, 1, 0.25, 0, 1, 1),
  sources: Int32Array.of(0, 1, 0, 1),
};

function parameters(): EncoderParameters<Float64Array> & { blocks: Map<string, Float64Array> } {
  const blocks = new Map<string, Float64Array>();
  return {
    dimension: d,
    embeddings: normals('embeddings', 6 * d),
    domainName: (index) => `d${index}`,
    blocks,
    block: (key) => blocks.get(key)!,
  };
}

for (const encoder of ENCODERS.values()) {
  describe(`the encoder ${encoder.name}`, () => {
    it('has the gradients of central differences in float64', () => {
      const model = parameters();
      const dx = normals('dx', histories.slots * d);
      const loss = (): number =>
        encoder
          .forward(histories, model, zeros)
          .x.reduce((sum, value, i) => sum + value * dx[i]!, 0);
      const dEmbeddings = zeros(model.embeddings.length);
      const pass = encoder.forward(histories, model, zeros);
      const own = pass.backward(dx, (entry, scale, values, at) => {
        const row = histories.rows[entry]! * d;
        for (let k = 0; k < d; k++) dEmbeddings[row + k]! += scale * values[at + k]!;
      });
      expect(gradientError(model.embeddings, dEmbeddings, loss, 24)).toBeLessThan(1e-8);
      for (const [key, gradient] of own) {
        expect(gradientError(model.block(key), gradient, loss), key).toBeLessThan(1e-7);
      }
    });

    it('makes nothing of a history without weight', () => {
      const { x } = encoder.forward(histories, parameters(), zeros);
      expect([...x.subarray(d, 3 * d)]).toEqual(new Array(2 * d).fill(0));
    });

    it('treats each history as if it were alone', () => {
      const model = parameters();
      const together = encoder.forward(histories, model, zeros).x;
      for (let slot = 0; slot < histories.slots; slot++) {
        const [start, end] = [histories.offsets[slot]!, histories.offsets[slot + 1]!];
        const alone = encoder.forward(
          {
            slots: 1,
            offsets: Int32Array.of(0, end - start),
            rows: histories.rows.slice(start, end),
            weights: histories.weights.slice(start, end),
            sources: histories.sources.slice(slot, slot + 1),
          },
          model,
          zeros,
        ).x;
        expect([...alone]).toEqual([...together.subarray(slot * d, (slot + 1) * d)]);
      }
    });

    it('stays finite for long histories of large embeddings', () => {
      const random = Random.of('long');
      const embeddings = zeros(6 * d).fill(8);
      const { x } = encoder.forward(
        {
          slots: 1,
          offsets: Int32Array.of(0, 64),
          rows: Int32Array.from({ length: 64 }, () => random.below(6)),
          weights: zeros(64).fill(1),
          sources: Int32Array.of(0),
        },
        { ...parameters(), embeddings },
        zeros,
      );
      expect(x.every((value) => Number.isFinite(value) && Math.abs(value) <= 64.001)).toBe(true);
    });
  });
}
