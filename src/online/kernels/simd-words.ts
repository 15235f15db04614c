import type { WordKernels, WordMemory } from '../wide/words.js';
import { type Memory, PAGE_BYTES, type SimdExports, type SimdModule } from './simd-module.js';

/** Pairs that one call takes. */
const MOST = 2048;
/** The memory grows by at least this part of itself: growing voids views, but moves nothing. */
const GROWTH = 1 / 16;

/** Words in the memory of SIMD kernels, which do the loops over lists and walks there. */
export class SimdWords implements WordMemory {
  words: Int32Array;
  doubles: Float64Array;
  floats: Float32Array;
  readonly start: number;
  readonly kernels: WordKernels;
  readonly #memory: Memory;

  constructor(module: SimdModule) {
    const { memory, kernels } = module.instantiate(1);
    this.#memory = memory;
    this.words = new Int32Array(memory.buffer);
    this.doubles = new Float64Array(memory.buffer);
    this.floats = new Float32Array(memory.buffer);
    const pairs = ((kernels.ownEnd() + 15) & ~15) / 4;
    this.start = pairs + MOST * 4;
    this.kernels = kernelsOver(kernels, pairs);
  }

  reach(words: number): void {
    const pages = Math.ceil((words * 4) / PAGE_BYTES);
    const present = this.#memory.buffer.byteLength / PAGE_BYTES;
    if (pages <= present) return;
    this.#memory.grow(Math.max(pages - present, Math.ceil(present * GROWTH)));
    this.words = new Int32Array(this.#memory.buffer);
    this.doubles = new Float64Array(this.#memory.buffer);
    this.floats = new Float32Array(this.#memory.buffer);
  }
}

function kernelsOver(kernels: SimdExports, pairs: number): WordKernels {
  return {
    most: MOST,
    pairs,
    add: (header, n) => kernels.addPairs(header * 4, pairs * 4, n),
    longLists: (header, n, most) => kernels.longLists(header * 4, pairs * 4, n, most, pairs * 4),
    addOne: (header, { starts, masses, rows, sums }, n, domain, length) =>
      kernels.walkOne(header * 4, starts * 4, n, domain, masses * 4, rows * 4, length, sums * 4),
    addTwo: (header, { starts, masses, rows, sums, size }, n, domain, length) =>
      kernels.walkTwo(
        header * 4,
        starts * 4,
        n,
        domain,
        masses * 4,
        rows * 4,
        length,
        sums * 4,
        size,
      ),
    addStart: (header, { starts, start, bridges }, n, domain, length) =>
      kernels.walkStart(header * 4, starts * 4, n, domain, start * 4, bridges * 4, length),
    // The rows are those that the first step reached, in the same order: written once more, they stay.
    addCosines: (header, { starts, cosines, rows }, n, domain) => {
      kernels.walkStart(header * 4, starts * 4, n, domain, cosines * 4, rows * 4, 0);
    },
    reaching: ({ masses, cosines, rows, facts, found, added }, from, length, bound) =>
      kernels.walkReaching(
        masses * 4,
        cosines * 4,
        rows * 4,
        from,
        length,
        facts * 4,
        found * 4,
        added * 4,
        bound.popularity,
        bound.bias,
        bound.reach,
        bound.saturation,
        bound.lift,
        bound.perOne,
        bound.walk,
        bound.perTwo,
        bound.cosine,
        bound.perCosine,
        bound.discount,
        bound.perDiscount,
        bound.bar,
      ),
    parts: (header, { starts, marks, parts }, n, domain) => {
      kernels.walkParts(header * 4, starts * 4, n, domain, marks * 4, parts * 4);
    },
    clearCosines: ({ masses, rows, cosines }, length) => {
      kernels.walkClear(masses * 4, rows * 4, 0, cosines * 4, rows * 4, length);
    },
    clear: ({ masses, rows, start, bridges }, length, count) => {
      kernels.walkClear(masses * 4, rows * 4, length, start * 4, bridges * 4, count);
    },
  };
}
