import {
  growTo,
  type Memory,
  type SimdExports,
  type SimdModule,
  simdModule,
} from './simd-module.js';

/** Kernels over a memory that nobody else has. */
export class OwnMemory {
  readonly memory: Memory;
  readonly kernels: SimdExports;
  /** Address of the first byte that is ours: what the compiler keeps for itself lies before. */
  readonly start: number;

  constructor(module: SimdModule, pages = 1) {
    const { memory, kernels } = module.instantiate(pages);
    this.memory = memory;
    this.kernels = kernels;
    this.start = (kernels.ownEnd() + 15) & ~15;
  }

  /** Another one once the memory has grown. */
  get buffer(): ArrayBuffer {
    return this.memory.buffer;
  }

  /** Makes the memory reach up to an address; growing voids all views. */
  reach(end: number): void {
    growTo(this.memory, end);
  }
}

/** What is made of the kernels when it is first asked for, for all; null where there are no kernels. */
export function madeOnce<T>(make: (module: SimdModule) => T): () => T | null {
  let made: T | null | undefined;
  return () => {
    if (made === undefined) {
      const module = simdModule();
      made = module === null ? null : make(module);
    }
    return made;
  };
}
