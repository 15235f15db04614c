/**
 * Kernels over 128-bit vectors, in AssemblyScript. Built into ../simd-binary.ts by build.mjs.
 *
 * Addresses are in bytes. `width` is the embedding size times 4 (bytes of a row), a multiple of 16.
 */

/** The first address behind the compiler's own data: tables that Math.log reads. */
export function ownEnd(): usize {
  return __heap_base;
}

/**
 * Scores `count` items for four queries: f(v_j · q) + base_j in float32, summed in four lanes, lane l over
 * k = l mod 4, then (0 + 1) + (2 + 3). `thresholds`: one of each query, then by what each saturates
 * (../../blend/saturate.ts). Writes what is above a query's threshold to `hits`: item * 4 +
 * query (i32) and score (f32), by rising item. Returns the number of hits, at most 4 * count.
 */
export function scan4(
  embeddings: usize,
  rows: usize,
  base: usize,
  count: i32,
  queries: usize,
  width: i32,
  thresholds: usize,
  hits: usize,
): i32 {
  const limits = v128.load(thresholds);
  const saturations = v128.load(thresholds, 16);
  const q1 = queries + <usize>width;
  const q2 = q1 + <usize>width;
  const q3 = q2 + <usize>width;
  const start = hits;
  for (let i = 0; i < count; i++) {
    const v = embeddings + <usize>load<u32>(rows + ((<usize>i) << 2)) * <usize>width;
    let a = f32x4.splat(0);
    let b = f32x4.splat(0);
    let c = f32x4.splat(0);
    let d = f32x4.splat(0);
    for (let k: usize = 0; k < <usize>width; k += 16) {
      const x = v128.load(v + k);
      a = f32x4.add(a, f32x4.mul(x, v128.load(queries + k)));
      b = f32x4.add(b, f32x4.mul(x, v128.load(q1 + k)));
      c = f32x4.add(c, f32x4.mul(x, v128.load(q2 + k)));
      d = f32x4.add(d, f32x4.mul(x, v128.load(q3 + k)));
    }
    const dense = saturated(sums(a, b, c, d), saturations);
    const scores = f32x4.add(dense, v128.load32_splat(base + ((<usize>i) << 2)));
    const above = f32x4.gt(scores, limits);
    if (!v128.any_true(above)) continue;
    const mask = i32x4.bitmask(above);
    if (mask & 1) hits = hit(hits, i << 2, f32x4.extract_lane(scores, 0));
    if (mask & 2) hits = hit(hits, (i << 2) | 1, f32x4.extract_lane(scores, 1));
    if (mask & 4) hits = hit(hits, (i << 2) | 2, f32x4.extract_lane(scores, 2));
    if (mask & 8) hits = hit(hits, (i << 2) | 3, f32x4.extract_lane(scores, 3));
  }
  return <i32>((hits - start) >> 3);
}

/**
 * As scan4, for one query and items by fours: `count` is a multiple of 4, filled up by the caller with
 * items whose base is minus infinity. Hits have query 0.
 */
export function scan1(
  embeddings: usize,
  rows: usize,
  base: usize,
  count: i32,
  query: usize,
  width: i32,
  thresholds: usize,
  hits: usize,
): i32 {
  const limit = v128.load32_splat(thresholds);
  const saturation = v128.load32_splat(thresholds, 16);
  const start = hits;
  for (let i = 0; i < count; i += 4) {
    const at = rows + ((<usize>i) << 2);
    const v0 = embeddings + <usize>load<u32>(at) * <usize>width;
    const v1 = embeddings + <usize>load<u32>(at, 4) * <usize>width;
    const v2 = embeddings + <usize>load<u32>(at, 8) * <usize>width;
    const v3 = embeddings + <usize>load<u32>(at, 12) * <usize>width;
    let a = f32x4.splat(0);
    let b = f32x4.splat(0);
    let c = f32x4.splat(0);
    let d = f32x4.splat(0);
    for (let k: usize = 0; k < <usize>width; k += 16) {
      const q = v128.load(query + k);
      a = f32x4.add(a, f32x4.mul(v128.load(v0 + k), q));
      b = f32x4.add(b, f32x4.mul(v128.load(v1 + k), q));
      c = f32x4.add(c, f32x4.mul(v128.load(v2 + k), q));
      d = f32x4.add(d, f32x4.mul(v128.load(v3 + k), q));
    }
    const dense = saturated(sums(a, b, c, d), saturation);
    const scores = f32x4.add(dense, v128.load(base + ((<usize>i) << 2)));
    const above = f32x4.gt(scores, limit);
    if (!v128.any_true(above)) continue;
    const mask = i32x4.bitmask(above);
    if (mask & 1) hits = hit(hits, i << 2, f32x4.extract_lane(scores, 0));
    if (mask & 2) hits = hit(hits, (i + 1) << 2, f32x4.extract_lane(scores, 1));
    if (mask & 4) hits = hit(hits, (i + 2) << 2, f32x4.extract_lane(scores, 2));
    if (mask & 8) hits = hit(hits, (i + 3) << 2, f32x4.extract_lane(scores, 3));
  }
  return <i32>((hits - start) >> 3);
}

/** x / (1 + by |x|) */
function saturated(x: v128, by: v128): v128 {
  return f32x4.div(x, f32x4.add(f32x4.splat(1), f32x4.mul(by, f32x4.abs(x))));
}

/** Writes v_j · q of `count` items, a multiple of 4, to `out` (f32); summed as in scan4. */
export function dots(
  embeddings: usize,
  rows: usize,
  count: i32,
  query: usize,
  width: i32,
  out: usize,
): void {
  for (let i = 0; i < count; i += 4) {
    const at = rows + ((<usize>i) << 2);
    const v0 = embeddings + <usize>load<u32>(at) * <usize>width;
    const v1 = embeddings + <usize>load<u32>(at, 4) * <usize>width;
    const v2 = embeddings + <usize>load<u32>(at, 8) * <usize>width;
    const v3 = embeddings + <usize>load<u32>(at, 12) * <usize>width;
    let a = f32x4.splat(0);
    let b = f32x4.splat(0);
    let c = f32x4.splat(0);
    let d = f32x4.splat(0);
    for (let k: usize = 0; k < <usize>width; k += 16) {
      const q = v128.load(query + k);
      a = f32x4.add(a, f32x4.mul(v128.load(v0 + k), q));
      b = f32x4.add(b, f32x4.mul(v128.load(v1 + k), q));
      c = f32x4.add(c, f32x4.mul(v128.load(v2 + k), q));
      d = f32x4.add(d, f32x4.mul(v128.load(v3 + k), q));
    }
    v128.store(out + ((<usize>i) << 2), sums(a, b, c, d));
  }
}

/** The sums over the lanes of a, b, c, d, each as (0 + 1) + (2 + 3): transposed, then added. */
function sums(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab01 = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const ab23 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cd01 = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const cd23 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  const lane0 = v128.shuffle<f32>(ab01, cd01, 0, 1, 4, 5);
  const lane1 = v128.shuffle<f32>(ab01, cd01, 2, 3, 6, 7);
  const lane2 = v128.shuffle<f32>(ab23, cd23, 0, 1, 4, 5);
  const lane3 = v128.shuffle<f32>(ab23, cd23, 2, 3, 6, 7);
  return f32x4.add(f32x4.add(lane0, lane1), f32x4.add(lane2, lane3));
}

function hit(hits: usize, code: i32, score: f32): usize {
  store<i32>(hits, code);
  store<f32>(hits, score, 4);
  return hits + 8;
}

/**
 * C (rows, columns) = Σ_t A[r, t] B[t, c] in float32, each entry summed by rising t. A[r, t] stands at
 * `a + r * across + t * along` (bytes), so that a matrix and its transpose are read alike; B and C are
 * row-major; `columns` is a multiple of 4.
 */
export function multiply(
  a: usize,
  across: usize,
  along: usize,
  b: usize,
  c: usize,
  rows: i32,
  steps: i32,
  columns: i32,
): void {
  const width = (<usize>columns) << 2;
  let r = 0;
  for (; r + 4 <= rows; r += 4) {
    const from = a + <usize>r * across;
    const to = c + <usize>r * width;
    let k: usize = 0;
    for (; k + 32 <= width; k += 32) tile4x8(from, across, along, b + k, to + k, steps, width);
    if (k < width) {
      for (let i: usize = 0; i < 4; i++) {
        tile1x4(from + i * across, along, b + k, to + i * width + k, steps, width);
      }
    }
  }
  for (; r < rows; r++) {
    const from = a + <usize>r * across;
    const to = c + <usize>r * width;
    for (let k: usize = 0; k < width; k += 16) tile1x4(from, along, b + k, to + k, steps, width);
  }
}

/** Copies `width` bytes: for a row, less than it takes to call what copies in general. */
export function copyRow(to: usize, from: usize, width: usize): void {
  for (let k: usize = 0; k < width; k += 16) v128.store(to + k, v128.load(from + k));
}

/** Writes the transpose (columns, rows) of a matrix (rows, columns) of f32. */
export function transpose(from: usize, rows: i32, columns: i32, to: usize): void {
  const width = (<usize>rows) << 2;
  for (let r = 0; r < rows; r++) {
    let down = to + ((<usize>r) << 2);
    for (let c = 0; c < columns; c++) {
      store<f32>(down, load<f32>(from));
      from += 4;
      down += width;
    }
  }
}

/** Four rows and eight columns of C, in registers. */
function tile4x8(
  a0: usize,
  across: usize,
  along: usize,
  b: usize,
  c: usize,
  steps: i32,
  width: usize,
): void {
  const a1 = a0 + across;
  const a2 = a1 + across;
  const a3 = a2 + across;
  let s00 = f32x4.splat(0);
  let s01 = f32x4.splat(0);
  let s10 = f32x4.splat(0);
  let s11 = f32x4.splat(0);
  let s20 = f32x4.splat(0);
  let s21 = f32x4.splat(0);
  let s30 = f32x4.splat(0);
  let s31 = f32x4.splat(0);
  let at: usize = 0;
  for (let t = 0; t < steps; t++) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    let x = v128.load32_splat(a0 + at);
    s00 = f32x4.add(s00, f32x4.mul(x, b0));
    s01 = f32x4.add(s01, f32x4.mul(x, b1));
    x = v128.load32_splat(a1 + at);
    s10 = f32x4.add(s10, f32x4.mul(x, b0));
    s11 = f32x4.add(s11, f32x4.mul(x, b1));
    x = v128.load32_splat(a2 + at);
    s20 = f32x4.add(s20, f32x4.mul(x, b0));
    s21 = f32x4.add(s21, f32x4.mul(x, b1));
    x = v128.load32_splat(a3 + at);
    s30 = f32x4.add(s30, f32x4.mul(x, b0));
    s31 = f32x4.add(s31, f32x4.mul(x, b1));
    b += width;
    at += along;
  }
  v128.store(c, s00);
  v128.store(c, s01, 16);
  c += width;
  v128.store(c, s10);
  v128.store(c, s11, 16);
  c += width;
  v128.store(c, s20);
  v128.store(c, s21, 16);
  c += width;
  v128.store(c, s30);
  v128.store(c, s31, 16);
}

/** One row and four columns of C. */
function tile1x4(a: usize, along: usize, b: usize, c: usize, steps: i32, width: usize): void {
  let sum = f32x4.splat(0);
  for (let t = 0; t < steps; t++) {
    sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(a), v128.load(b)));
    a += along;
    b += width;
  }
  v128.store(c, sum);
}
