import type { Model } from './model.js';

/**
 * Frobenius norms |A_{s->t} - I|_F of the mappings that have been learned: how far each has moved
 * from where it started.
 */
export function transferNorms(model: Model): { from: string; to: string; norm: number }[] {
  const norms: { from: string; to: string; norm: number }[] = [];
  for (const [key, block] of model.blocks()) {
    const [kind, from, to] = key.split('/');
    if (kind !== 'A' || from === undefined || to === undefined) continue;
    const { rows, width } = block.shape;
    let sum = 0;
    for (let i = 0; i < rows; i += 1) {
      for (let k = 0; k < width; k += 1) {
        const difference = block.values[i * width + k]! - (i === k ? 1 : 0);
        sum += difference * difference;
      }
    }
    norms.push({ from, to, norm: Math.sqrt(sum) });
  }
  return norms;
}
