import { Random } from '../../src/online/random.js';
import type { PlainInput, PlainParameters } from '../../src/online/tower/plain.js';

/** A batch of examples in some domains, a few of them without any history, and random blocks. */
export interface TowerCase {
  readonly input: PlainInput<Float64Array>;
  readonly parameters: PlainParameters<Float64Array> & {
    readonly blocks: Map<string, Float64Array>;
  };
}

/** Blocks are made when asked for, at random values near the identity. */
export function towerCase(seed: number, examples: number, domains: number, d: number): TowerCase {
  const random = Random.of('tower case', seed);
  const slotExample: number[] = [];
  const slotSource: number[] = [];
  for (let e = 0; e < examples; e++) {
    for (let s = 0; s < domains; s++) {
      if (random.float() < 0.4) continue;
      slotExample.push(e);
      slotSource.push(s);
    }
  }
  const slots = slotExample.length;
  const blocks = new Map<string, Float64Array>();
  return {
    input: {
      examples,
      slots,
      targets: Int32Array.from({ length: examples }, () => random.below(domains)),
      slotExample: Int32Array.from(slotExample),
      slotSource: Int32Array.from(slotSource),
      slotEvidence: Float64Array.from({ length: slots }, () => Math.log1p(random.below(20))),
      x: Float64Array.from({ length: slots * d }, () => random.normal()),
    },
    parameters: {
      dimension: d,
      blocks,
      domainName: (index) => `d${index}`,
      block(key) {
        let block = blocks.get(key);
        if (block === undefined) {
          const kind = key.split('/')[0];
          const length = kind === 'A' ? d * d : kind === 'gate' ? 1 : (d + 1) * d;
          // Seeded by key, so that the values do not depend on who asks first.
          const values = Random.of('block', seed, key);
          block = Float64Array.from({ length }, (_, i) => {
            const identity = kind !== 'gate' && i % (d + 1) === 0 ? 1 : 0;
            return identity + 0.3 * values.normal();
          });
          blocks.set(key, block);
        }
        return block;
      },
    },
  };
}

/** The same in float32. */
export function inFloat32({ input, parameters }: TowerCase): {
  input: PlainInput<Float32Array>;
  parameters: PlainParameters<Float32Array>;
} {
  return {
    input: {
      ...input,
      slotEvidence: Float32Array.from(input.slotEvidence),
      x: Float32Array.from(input.x),
    },
    parameters: { ...parameters, block: (key) => Float32Array.from(parameters.block(key)) },
  };
}

/** Random numbers to take inner products with. */
export function normals(seed: string, length: number): Float64Array {
  const random = Random.of(seed);
  return Float64Array.from({ length }, () => random.normal());
}

/**
 * The largest relative error of a gradient against central differences of `loss`, over some
 * coordinates of `values`, which are put back.
 */
export function gradientError(
  values: Float64Array,
  gradient: Float64Array,
  loss: () => number,
  coordinates = 12,
): number {
  const random = Random.of('coordinates', values.length);
  const step = 1e-5;
  let worst = 0;
  for (let n = 0; n < Math.min(coordinates, values.length); n++) {
    const i = values.length <= coordinates ? n : random.below(values.length);
    const before = values[i]!;
    values[i] = before + step;
    const above = loss();
    values[i] = before - step;
    const below = loss();
    values[i] = before;
    const numeric = (above - below) / (2 * step);
    const error = Math.abs(numeric - gradient[i]!) / Math.max(1, Math.abs(numeric));
    worst = Math.max(worst, error);
  }
  return worst;
}
