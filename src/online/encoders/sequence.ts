import type { Floats } from '../tower/phi.js';
import type { Encoder, EncoderParameters, EncoderPass, Histories } from './encoder.js';

/** The entries of a batch that carry weight, slot by slot, oldest first within a slot. */
export interface Sequences<F extends Floats> {
  readonly slots: number;
  /** Entries in all. */
  readonly length: number;
  /** (slots + 1) */
  readonly starts: Int32Array;
  /** (length) */
  readonly weights: F;
  /** (length, d) embeddings v_i. */
  readonly vectors: F;
  /** (slots) √(Σ w_i); 0 for a slot without entries. */
  readonly roots: F;
}

/** What a sequence encoder adds to the mean. */
export interface LearnedPart<F extends Floats> {
  /** (slots, d) */
  readonly x: F;
  /** From dLoss/dx (slots, d): dLoss/dv by entry (length, d), and those of the blocks by key. */
  backward(dx: F): { vectors: F; blocks: Map<string, F> };
}

/**
 * An encoder of the form
 *
 *     x = Σ w_i v_i / √(Σ w_i) + learned part
 *
 * whose learned part ends in a matrix that starts at zero: at first it is the mean encoder, which is
 * strong from the first event on, and what it learns has to beat that. (A residual branch that starts
 * at zero: Zhang, Dauphin, Ma 2019.)
 */
export function besideMean(
  name: string,
  learned: <F extends Floats>(
    sequences: Sequences<F>,
    parameters: EncoderParameters<F>,
  ) => LearnedPart<F>,
): Encoder {
  return {
    name,
    forward<F extends Floats>(
      histories: Histories,
      parameters: EncoderParameters<F>,
    ): EncoderPass<F> {
      const { dimension: d } = parameters;
      const { entries, sequences } = sequencesOf(histories, parameters);
      const { slots, starts, weights, vectors, roots } = sequences;
      const part = learned(sequences, parameters);
      const x = parameters.zeros(slots * d);
      for (let slot = 0; slot < slots; slot++) {
        const at = slot * d;
        for (let i = starts[slot]!; i < starts[slot + 1]!; i++) {
          for (let k = 0; k < d; k++) x[at + k]! += weights[i]! * vectors[i * d + k]!;
        }
        const root = roots[slot]!;
        if (root === 0) continue;
        for (let k = 0; k < d; k++) x[at + k] = x[at + k]! / root + part.x[at + k]!;
      }
      return {
        x,
        backward(dx, sink) {
          const { vectors: gradients, blocks } = part.backward(dx);
          for (let slot = 0; slot < slots; slot++) {
            for (let i = starts[slot]!; i < starts[slot + 1]!; i++) {
              const scale = weights[i]! / roots[slot]!;
              for (let k = 0; k < d; k++) gradients[i * d + k]! += scale * dx[slot * d + k]!;
              // One call for an entry: it counts as one touch of the row.
              sink(entries[i]!, 1, gradients, i * d);
            }
          }
          return blocks;
        },
      };
    },
  };
}

function sequencesOf<F extends Floats>(
  { slots, offsets, rows, weights, ages }: Histories,
  { dimension: d, embeddings, zeros }: EncoderParameters<F>,
): { entries: Int32Array; sequences: Sequences<F> } {
  // What has faded below the least number of their kind is nothing to the products that follow: no entry either.
  const held = zeros(weights.length);
  held.set(weights);
  let length = 0;
  for (const weight of held) if (weight > 0) length++;
  const entries = new Int32Array(length);
  const starts = new Int32Array(slots + 1);
  let at = 0;
  for (let slot = 0; slot < slots; slot++) {
    for (let entry = offsets[slot]!; entry < offsets[slot + 1]!; entry++) {
      if (!(held[entry]! > 0)) continue;
      // Nearly always in order of time as they came; a late one moves up, behind those of its age.
      let place = at++;
      while (place > starts[slot]! && ages[entries[place - 1]!]! < ages[entry]!) {
        entries[place] = entries[place - 1]!;
        place--;
      }
      entries[place] = entry;
    }
    starts[slot + 1] = at;
  }
  const ordered = zeros(length);
  const vectors = zeros(length * d);
  const roots = zeros(slots);
  for (let slot = 0; slot < slots; slot++) {
    for (let i = starts[slot]!; i < starts[slot + 1]!; i++) {
      const entry = entries[i]!;
      ordered[i] = held[entry]!;
      roots[slot]! += held[entry]!;
      const row = rows[entry]! * d;
      for (let k = 0; k < d; k++) vectors[i * d + k] = embeddings[row + k]!;
    }
    roots[slot] = Math.sqrt(roots[slot]!);
  }
  return { entries, sequences: { slots, length, starts, weights: ordered, vectors, roots } };
}

/** Rows `from` to `to` - 1 of a matrix of that width, as a view of the same kind. */
export function rowsOf<F extends Floats>(matrix: F, from: number, to: number, width: number): F {
  return matrix.subarray(from * width, to * width) as F;
}
