import { BINARY } from './simd-binary.js';

/** The exports of assembly/kernels.ts, where they are described; addresses in bytes. */
export interface SimdExports {
  ownEnd(): number;
  readonly scan4: ScanKernel;
  readonly scan1: ScanKernel;
  dots(
    embeddings: number,
    rows: number,
    count: number,
    query: number,
    width: number,
    out: number,
  ): void;
  multiply(
    a: number,
    across: number,
    along: number,
    b: number,
    c: number,
    rows: number,
    steps: number,
    columns: number,
  ): void;
  transpose(from: number, rows: number, columns: number, to: number): void;
  /** Of assembly/learning.ts, as the next. */
  pool(
    embeddings: number,
    rows: number,
    weights: number,
    offsets: number,
    slots: number,
    width: number,
    x: number,
    scales: number,
  ): void;
  poolAsLoops: SimdExports['pool'];
  placeEntries(
    n: number,
    rows: number,
    weights: number,
    places: number,
    placed: number,
    length: number,
    entryPlaces: number,
    gradients: number,
    stride: number,
    touches: number,
  ): number;
  poolBack(
    places: number,
    weights: number,
    offsets: number,
    slots: number,
    width: number,
    scales: number,
    dx: number,
    gradients: number,
  ): void;
  lossGroup(
    embeddings: number,
    width: number,
    queries: number,
    dQueries: number,
    examples: number,
    m: number,
    negatives: number,
    n: number,
    gradients: number,
    touches: number,
    scratch: number,
    sums: number,
  ): void;
  stepRows(
    n: number,
    rows: number,
    embeddings: number,
    biases: number,
    accumulators: number,
    width: number,
    gradients: number,
    touches: number,
    values: number,
    added: number,
    options: number,
  ): void;
  addRows(
    n: number,
    rows: number,
    embeddings: number,
    biases: number,
    accumulators: number,
    width: number,
    values: number,
    added: number,
    norms: number,
    sign: number,
  ): void;
  stepBlock(
    rows: number,
    width: number,
    weights: number,
    gradients: number,
    accumulators: number,
    values: number,
    added: number,
    eta: number,
    start: number,
    lambda: number,
  ): void;
  /** Of assembly/decoding.ts, as the next seven. */
  checksum(bytes: number, length: number): number;
  readCounts(at: number, end: number, n: number, dimension: number, counts: number): number;
  addItems(
    n: number,
    rows: number,
    embeddings: number,
    biases: number,
    accumulators: number,
    width: number,
    items: number,
    end: number,
    values: number,
    norms: number,
  ): number;
  readRows(
    at: number,
    end: number,
    rows: number,
    width: number,
    values: number,
    accumulators: number,
  ): number;
  findRows(
    at: number,
    end: number,
    n: number,
    domains: number,
    named: number,
    slots: number,
    most: number,
    found: number,
  ): number;
  keepRow(
    row: number,
    domain: number,
    id: number,
    length: number,
    slots: number,
    most: number,
  ): void;
  readItems(
    at: number,
    end: number,
    n: number,
    dimension: number,
    counts: number,
    values: number,
    accumulators: number,
  ): number;
  readPairs(
    at: number,
    end: number,
    items: number,
    most: number,
    froms: number,
    tos: number,
    counts: number,
    length: number,
  ): number;
  /** Of assembly/sums.ts, as the next. */
  addWords(n: number, words: number, values: number, places: number, sums: number): void;
  magnitudes(values: number, n: number): number;
  /** Of assembly/examples.ts. */
  dropEntries(
    rows: number,
    weights: number,
    times: number,
    first: number,
    end: number,
    target: number,
    now: number,
    dropout: number,
    outRows: number,
    outWeights: number,
    outAges: number,
    at: number,
    state: number,
  ): number;
  /** Of assembly/tower.ts, as the next five. */
  scatterRows(n: number, width: number, from: number, places: number, to: number): void;
  gatherRows: SimdExports['scatterRows'];
  addToRows(n: number, width: number, rows: number, row: number): void;
  sumRows(n: number, width: number, rows: number, out: number): void;
  mixRows(
    n: number,
    width: number,
    y: number,
    places: number,
    examples: number,
    gate: number,
    z: number,
  ): void;
  unmixRows(
    n: number,
    width: number,
    y: number,
    places: number,
    examples: number,
    gate: number,
    dz: number,
    dy: number,
    dgate: number,
  ): void;
  /** Of assembly/neighbours.ts, as the rest. */
  addPairs(header: number, pairs: number, n: number): number;
  longLists(header: number, rows: number, n: number, most: number, out: number): number;
  walkOne(
    header: number,
    starts: number,
    n: number,
    domain: number,
    masses: number,
    rows: number,
    length: number,
    sums: number,
  ): number;
  walkStart(
    header: number,
    starts: number,
    n: number,
    domain: number,
    start: number,
    bridges: number,
    length: number,
  ): number;
  walkTwo(
    header: number,
    starts: number,
    n: number,
    domain: number,
    masses: number,
    rows: number,
    length: number,
    sums: number,
    size: number,
  ): number;
  walkParts(
    header: number,
    starts: number,
    n: number,
    domain: number,
    marks: number,
    parts: number,
  ): void;
  walkReaching(
    masses: number,
    cosines: number,
    rows: number,
    from: number,
    length: number,
    facts: number,
    found: number,
    added: number,
    popularity: number,
    bias: number,
    reach: number,
    saturation: number,
    lift: number,
    perOne: number,
    walk: number,
    perTwo: number,
    cosine: number,
    perCosine: number,
    discount: number,
    perDiscount: number,
    bar: number,
  ): number;
  walkClear(
    masses: number,
    rows: number,
    length: number,
    start: number,
    bridges: number,
    count: number,
  ): void;
}

export type ScanKernel = (
  embeddings: number,
  rows: number,
  base: number,
  count: number,
  queries: number,
  width: number,
  thresholds: number,
  hits: number,
) => number;

export interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** What is used of the WebAssembly of the language, which the compiler knows only as part of a browser. */
interface Wasm {
  Memory: new (size: { initial: number }) => Memory;
  Module: new (bytes: Uint8Array) => object;
  Instance: new (
    module: object,
    imports: { env: { memory: Memory } },
  ) => { readonly exports: unknown };
  validate(bytes: Uint8Array): boolean;
}

export const PAGE_BYTES = 65536;

/** The kernels, compiled; each instance has a memory of its own. */
export interface SimdModule {
  instantiate(pages: number): { memory: Memory; kernels: SimdExports };
}

/** Makes a memory reach up to an address. Returns whether it had to grow, which voids all views. */
export function growTo(memory: Memory, end: number): boolean {
  const missing = end - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
  return missing > 0;
}

/** Compiled once for all memories. */
let compiled: SimdModule | null | undefined;

/** The kernels, or null where there is no WebAssembly with SIMD. */
export function simdModule(): SimdModule | null {
  if (compiled === undefined) compiled = compile();
  return compiled;
}

function compile(): SimdModule | null {
  const wasm = (globalThis as { WebAssembly?: Wasm }).WebAssembly;
  const bytes = Buffer.from(BINARY, 'base64');
  if (wasm === undefined || !wasm.validate(bytes)) return null;
  const module = new wasm.Module(bytes);
  return {
    instantiate(pages) {
      const memory = new wasm.Memory({ initial: pages });
      const { exports } = new wasm.Instance(module, { env: { memory } });
      return { memory, kernels: exports as SimdExports };
    },
  };
}
