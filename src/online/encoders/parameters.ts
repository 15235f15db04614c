import { SimdMemory } from '../kernels/memory.js';
import { poolByKernel } from '../kernels/simd-pool.js';
import type { Model } from '../model.js';
import type { Tower } from '../types.js';
import type { EncoderParameters, Histories } from './encoder.js';
import { learnedHalfLife } from './half-life.js';

/** What encoders read of a model, with products on the tower's backend. Afresh for each batch. */
export function encoderParameters(model: Model, tower: Tower): EncoderParameters<Float32Array> {
  const { memory } = model.items;
  return {
    dimension: model.dimension,
    embeddings: model.items.embeddings,
    domainName: (index) => model.domainName(index),
    block: (key) => model.block(key),
    halfLifeDays: (source) => learnedHalfLife(model, source),
    zeros: (length) => new Float32Array(length),
    multiply: tower.multiply,
    ...(memory instanceof SimdMemory
      ? { pool: (histories: Histories) => poolByKernel(memory, histories, model.dimension) }
      : {}),
  };
}
