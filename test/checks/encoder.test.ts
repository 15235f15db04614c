import { describe, expect, it } from 'vitest';
import { BlockTable } from '../../src/online/blocks.js';
import type { Encoder, EncoderParameters, Histories } from '../../src/online/encoders/encoder.js';
import { ENCODERS, encoderNamed } from '../../src/online/encoders/index.js';
import { WEIGHT_UNIT } from '../../src/online/grid.js';
import { Random } from '../../src/online/random.js';
import type { Floats } from '../../src/online/tower/phi.js';
import { loopsOf } from '../../src/online/tower/products.js';
import { fc } from '../support/properties.js';
import { availableTowers } from './backends.js';
import { gradientError, normals } from './tower-cases.js';

const d = 4;
const DAY_MS = 86_400_000;

/**
 * Five slots: a mixed one with a repeated row and one that came late, one of weight zero alone, an
 * empty one, one of two entries, one of a single entry.
 */
const histories: Histories = {
  slots: 5,
  offsets: Int32Array.of(0, 6, 7, 7, 9, 10),
  rows: Int32Array.of(0, 3, 1, 3, 4, 1, 2, 5, 0, 4),
  weights: Float64Array.of(1, 0.5, 0, 1, 0.25, 1, 0, 1, 1, 0.5),
  ages: Float64Array.from([9, 8, 7, 7, 1, 3, 2, 5, 0, 4], (age) => age * DAY_MS),
  sources: Int32Array.of(0, 1, 0, 1, 2),
};

interface Parameters<F extends Floats> extends EncoderParameters<F> {
  readonly blocks: Map<string, F>;
}

/** Blocks are made when asked for, in the shapes that the model has, at random or initial values. */
function parametersOf<F extends Floats>(
  zeros: (length: number) => F,
  random = true,
  dimension = d,
): Parameters<F> {
  const table = new BlockTable(dimension, 7);
  const blocks = new Map<string, F>();
  const embeddings = zeros(6 * dimension);
  embeddings.set(normals('embeddings', embeddings.length));
  return {
    dimension,
    embeddings,
    domainName: (index) => `d${index}`,
    zeros,
    multiply: loopsOf(zeros),
    blocks,
    block(key) {
      let block = blocks.get(key);
      if (block === undefined) {
        const initial = table.get(key).values;
        block = zeros(initial.length);
        block.set(random ? normals(key, initial.length).map((value) => 0.4 * value) : initial);
        blocks.set(key, block);
      }
      return block;
    },
  };
}

const float64 = (length: number): Float64Array => new Float64Array(length);
const float32 = (length: number): Float32Array => new Float32Array(length);

/** Slot i of a batch as a batch of its own. */
function alone(of: Histories, slot: number): Histories {
  const [start, end] = [of.offsets[slot]!, of.offsets[slot + 1]!];
  return {
    slots: 1,
    offsets: Int32Array.of(0, end - start),
    rows: of.rows.slice(start, end),
    weights: of.weights.slice(start, end),
    ages: of.ages.slice(start, end),
    sources: of.sources.slice(slot, slot + 1),
  };
}

/** Gradients of Σ x · dx: of the embeddings, and of the blocks. */
function gradientsOf<F extends Floats>(
  encoder: Encoder,
  model: Parameters<F>,
  dx: F,
  of: Histories = histories,
) {
  const width = model.dimension;
  const embeddings = model.zeros(model.embeddings.length);
  const pass = encoder.forward(of, model);
  const blocks = pass.backward(dx, (entry, scale, values, at) => {
    const row = of.rows[entry]! * width;
    for (let k = 0; k < width; k++) embeddings[row + k]! += scale * values[at + k]!;
  });
  return { x: pass.x, embeddings, blocks };
}

const variants = [...ENCODERS.values()].flatMap((encoder) => [
  { title: encoder.name, encoder },
  {
    title: `${encoder.name}, decaying`,
    encoder: encoderNamed(encoder.name, { halfLifeDays: 5, weightExponent: 0.5 }),
  },
]);

for (const { title, encoder } of variants) {
  describe(`the encoder ${title}`, () => {
    it('has the gradients of central differences in float64, for every parameter', () => {
      const model = parametersOf(float64);
      const dx = normals('dx', histories.slots * d);
      const loss = (): number =>
        encoder.forward(histories, model).x.reduce((sum, value, i) => sum + value * dx[i]!, 0);
      const { embeddings, blocks } = gradientsOf(encoder, model, dx);
      expect([...blocks.keys()].sort()).toEqual([...model.blocks.keys()].sort());
      expect(gradientError(model.embeddings, embeddings, loss, 1000)).toBeLessThan(1e-8);
      for (const [key, gradient] of blocks) {
        const values = model.block(key);
        expect(gradient.length, key).toBe(values.length);
        expect(gradientError(values, gradient, loss, values.length), key).toBeLessThan(1e-7);
        expect(
          gradient.some((value) => Math.abs(value) > 1e-3),
          key,
        ).toBe(true);
      }
    });

    it('makes nothing of a history without weight', () => {
      const { x } = encoder.forward(histories, parametersOf(float64));
      expect([...x.subarray(d, 3 * d)]).toEqual(new Array(2 * d).fill(0));
    });

    it('makes nothing of a history that has faded below what a float can hold', () => {
      const faded = (weight: number): Histories => {
        const weights = histories.weights.slice();
        // Slot 3 and a part of slot 0.
        for (const entry of [1, 7, 8]) weights[entry] = weight;
        return { ...histories, weights };
      };
      const model = parametersOf(float32);
      const dx = Float32Array.from(normals('dx', histories.slots * d));
      const [faint, none] = [1e-100, 0].map((weight) =>
        gradientsOf(encoder, model, dx, faded(weight)),
      );
      close(faint!.x, none!.x);
      close(faint!.embeddings, none!.embeddings);
      for (const [key, gradient] of none!.blocks) close(faint!.blocks.get(key)!, gradient);
    });

    it('treats each history as if it were alone', () => {
      const model = parametersOf(float64);
      const together = encoder.forward(histories, model).x;
      for (let slot = 0; slot < histories.slots; slot++) {
        const { x } = encoder.forward(alone(histories, slot), model);
        expect([...x]).toEqual([...together.subarray(slot * d, (slot + 1) * d)]);
      }
    });

    it('sees an entry that came late in its place in time', () => {
      const model = parametersOf(float64);
      const late = alone(histories, 0);
      const sorted = [0, 1, 3, 5, 4];
      const inTime: Histories = {
        ...late,
        offsets: Int32Array.of(0, 5),
        rows: Int32Array.from(sorted, (i) => late.rows[i]!),
        weights: Float64Array.from(sorted, (i) => late.weights[i]!),
        ages: Float64Array.from(sorted, (i) => late.ages[i]!),
      };
      const expected = encoder.forward(inTime, model).x;
      const { x } = encoder.forward(late, model);
      for (let k = 0; k < d; k++) expect(x[k]).toBeCloseTo(expected[k]!, 12);
    });

    it('is the mean of what counts at the initial values, within its bounds', () => {
      const random = Random.of('long');
      const long: Histories = {
        slots: 1,
        offsets: Int32Array.of(0, 64),
        rows: Int32Array.from({ length: 64 }, () => random.below(6)),
        weights: float64(64).fill(1),
        ages: float64(64),
        sources: Int32Array.of(0),
      };
      const model = { ...parametersOf(float64, false), embeddings: float64(6 * d).fill(8) };
      const { x } = encoder.forward(long, model);
      for (const value of x) expect(value).toBeCloseTo(64, 9);
    });

    it('stays finite for large embeddings and blocks', () => {
      const model = parametersOf(float64);
      model.embeddings.fill(8);
      for (const key of gradientsOf(encoder, model, float64(5 * d)).blocks.keys()) {
        model.block(key).fill(8);
      }
      const { x, blocks } = gradientsOf(encoder, model, float64(5 * d).fill(1));
      expect(x.every(Number.isFinite)).toBe(true);
      for (const gradient of blocks.values()) expect(gradient.every(Number.isFinite)).toBe(true);
    });

    for (const { name, tower } of availableTowers) {
      it(`gives on ${name} what loops give`, () => {
        const width = 32;
        const dx = Float32Array.from(normals('dx', histories.slots * width));
        const mine = { ...parametersOf(float32, true, width), multiply: tower.multiply };
        const theirs = parametersOf(float32, true, width);
        const [here, there] = [gradientsOf(encoder, mine, dx), gradientsOf(encoder, theirs, dx)];
        close(here.x, there.x);
        close(here.embeddings, there.embeddings);
        for (const [key, gradient] of there.blocks) close(here.blocks.get(key)!, gradient);
      });
    }
  });
}

describe('blocks of encoders', () => {
  it('begin at values on the grid that depend on seed and key alone', () => {
    const model = parametersOf(float64);
    for (const encoder of ENCODERS.values()) encoder.forward(histories, model);
    expect(model.blocks.size).toBeGreaterThan(8);
    for (const key of model.blocks.keys()) {
      const { values } = new BlockTable(8, 1).get(key);
      expect(new BlockTable(8, 1).get(key).isInitial()).toBe(true);
      expect([...new BlockTable(8, 1).get(key).values]).toEqual([...values]);
      expect(values.every((value) => Number.isInteger(value / WEIGHT_UNIT))).toBe(true);
      const zero = values.every((value) => value === 0);
      const other = [...new BlockTable(8, 2).get(key).values];
      if (!zero) expect(other).not.toEqual([...values]);
    }
  });

  it('show when something has been learned in them', () => {
    const block = new BlockTable(8, 1).get('conv/kernel');
    block.values[5]! += WEIGHT_UNIT;
    expect(block.isInitial()).toBe(false);
  });
});

describe('decay', () => {
  it('halves an entry with each half-life, and leaves the order of ages to count alike', () => {
    const decaying = encoderNamed('mean', { halfLifeDays: 10, weightExponent: 1 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40 }), (halvings) => {
        const one = { ...alone(histories, 4), weights: Float64Array.of(1) };
        const model = parametersOf(float64);
        const aged = { ...one, ages: Float64Array.of(halvings * 10 * DAY_MS) };
        const fresh = encode(decaying, { ...one, ages: Float64Array.of(0) }, model);
        const old = encode(decaying, aged, model);
        // x of one entry is √w' v.
        const ratio = old[0]! / fresh[0]!;
        expect(ratio).toBeCloseTo(2 ** (-halvings / 2), 9);
      }),
    );
  });

  it('with exponent 0 lets all entries of positive weight count alike', () => {
    const alike = encoderNamed('mean', { halfLifeDays: 0, weightExponent: 0 });
    const model = parametersOf(float64);
    const weights = histories.weights.map((weight) => (weight > 0 ? 1 : 0));
    const expected = encoderNamed('mean').forward({ ...histories, weights }, model).x;
    expect([...alike.forward(histories, model).x]).toEqual([...expected]);
  });

  it('that is switched off is the encoder itself', () => {
    const plain = encoderNamed('gru');
    expect(encoderNamed('gru', { halfLifeDays: 0, weightExponent: 1 })).toBe(plain);
  });
});

function encode(encoder: Encoder, of: Histories, model: Parameters<Float64Array>): Float64Array {
  return encoder.forward(of, model).x;
}

/** Float32 sums of some dozen products, in another order. */
function close(mine: Float32Array, theirs: Float32Array): void {
  expect(mine.length).toBe(theirs.length);
  let scale = 1;
  for (const value of theirs) scale = Math.max(scale, Math.abs(value));
  for (let i = 0; i < mine.length; i++) {
    if (!(Math.abs(mine[i]! - theirs[i]!) / scale < 1e-5)) expect(mine[i]).toBe(theirs[i]);
  }
}
