/**
 * Kernels of the learner, in AssemblyScript: pooling and its way back, the loss of a group of
 * examples, and steps on the grid. Built with kernels.ts, whose conventions they share.
 */
import { copyRow, multiply } from './kernels';

/**
 * x_s = Σ w_i v_i / √(Σ w_i) of the entries offsets[s] .. offsets[s + 1] - 1 of each slot, and
 * 1 / √(Σ w_i) to `scales`; zeros where no entry has weight. Entries are summed in their order.
 */
export function pool(
  embeddings: usize,
  rows: usize,
  weights: usize,
  offsets: usize,
  slots: i32,
  width: i32,
  x: usize,
  scales: usize,
): void {
  for (let s = 0; s < slots; s++) {
    const first = load<u32>(offsets + ((<usize>s) << 2));
    const last = load<u32>(offsets + ((<usize>s) << 2), 4);
    let total: f32 = 0;
    for (let i = first; i < last; i++) total += load<f32>(weights + ((<usize>i) << 2));
    const scale: f32 = total > 0 ? <f32>1 / <f32>sqrt(total) : 0;
    store<f32>(scales + ((<usize>s) << 2), scale);
    const all = f32x4.splat(scale);
    let k: usize = 0;
    for (; k + 64 <= <usize>width; k += 64) {
      let a = f32x4.splat(0);
      let b = f32x4.splat(0);
      let c = f32x4.splat(0);
      let d = f32x4.splat(0);
      for (let i = first; i < last; i++) {
        const w = v128.load32_splat(weights + ((<usize>i) << 2));
        const v = embeddings + <usize>load<u32>(rows + ((<usize>i) << 2)) * <usize>width + k;
        a = f32x4.add(a, f32x4.mul(w, v128.load(v)));
        b = f32x4.add(b, f32x4.mul(w, v128.load(v, 16)));
        c = f32x4.add(c, f32x4.mul(w, v128.load(v, 32)));
        d = f32x4.add(d, f32x4.mul(w, v128.load(v, 48)));
      }
      v128.store(x + k, f32x4.mul(a, all));
      v128.store(x + k, f32x4.mul(b, all), 16);
      v128.store(x + k, f32x4.mul(c, all), 32);
      v128.store(x + k, f32x4.mul(d, all), 48);
    }
    for (; k < <usize>width; k += 16) {
      let a = f32x4.splat(0);
      for (let i = first; i < last; i++) {
        const w = v128.load32_splat(weights + ((<usize>i) << 2));
        const v = embeddings + <usize>load<u32>(rows + ((<usize>i) << 2)) * <usize>width + k;
        a = f32x4.add(a, f32x4.mul(w, v128.load(v)));
      }
      v128.store(x + k, f32x4.mul(a, all));
    }
    x += <usize>width;
  }
}

/**
 * As `pool`, with the bits of the loop in encoders/mean.ts: products and sums in f64, rounded once each.
 * Weights and scales are f64; entries without weight are left out.
 */
export function poolAsLoops(
  embeddings: usize,
  rows: usize,
  weights: usize,
  offsets: usize,
  slots: i32,
  width: i32,
  x: usize,
  scales: usize,
): void {
  const w = <usize>width;
  for (let s: usize = 0; s < (<usize>slots) << 2; s += 4) {
    const last = load<u32>(offsets + s, 4);
    memory.fill(x, 0, w);
    let total: f64 = 0;
    for (let i = load<u32>(offsets + s); i < last; i++) {
      const weight = load<f64>(weights + ((<usize>i) << 3));
      if (!(weight > 0)) continue;
      total += weight;
      const v = embeddings + <usize>load<u32>(rows + ((<usize>i) << 2)) * w;
      if (weight === 1) addAll(x, v, w);
      else addRounded(x, f64x2.splat(weight), v, w);
    }
    const scale: f64 = total > 0 ? 1 / sqrt(total) : 0;
    store<f64>(scales + (s << 1), scale);
    const all = f64x2.splat(scale);
    for (let k: usize = 0; k < w; k += 16) {
      const sum = v128.load(x + k);
      v128.store(
        x + k,
        narrowed(f64x2.mul(f64x2.promote_low_f32x4(sum), all), f64x2.mul(upper(sum), all)),
      );
    }
    x += w;
  }
}

/** The upper two of four floats as f64. */
function upper(values: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<i64>(values, values, 1, 1));
}

/** Four floats of two and two f64. */
function narrowed(low: v128, high: v128): v128 {
  return v128.shuffle<i64>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
}

/** to += scale · from, in f64, rounded once. */
function addRounded(to: usize, scale: v128, from: usize, width: usize): void {
  for (let k: usize = 0; k < width; k += 16) {
    const now = v128.load(to + k);
    const by = v128.load(from + k);
    v128.store(
      to + k,
      narrowed(
        f64x2.add(f64x2.promote_low_f32x4(now), f64x2.mul(scale, f64x2.promote_low_f32x4(by))),
        f64x2.add(upper(now), f64x2.mul(scale, upper(by))),
      ),
    );
  }
}

/**
 * Gives places to the rows of n entries with weight, in order of first touch: `places` has 1 + place by
 * row of the table, 0 for none; `placed` the row by place; there are `length` of them. Writes the place of
 * each such entry, and counts it in `touches`. Gradients (of `stride` bytes) and touches of rows that are
 * new begin at zero. Returns how many have places then.
 */
export function placeEntries(
  n: i32,
  rows: usize,
  weights: usize,
  places: usize,
  placed: usize,
  length: i32,
  entryPlaces: usize,
  gradients: usize,
  stride: i32,
  touches: usize,
): i32 {
  for (let i: usize = 0; i < (<usize>n) << 2; i += 4) {
    if (!(load<f32>(weights + i) > 0)) continue;
    const row = load<u32>(rows + i);
    const known = places + ((<usize>row) << 2);
    let place = load<i32>(known);
    if (place === 0) {
      const at = (<usize>length) << 2;
      store<u32>(placed + at, row);
      store<f32>(touches + at, 0);
      memory.fill(gradients + <usize>length * <usize>stride, 0, <usize>stride);
      place = ++length;
      store<i32>(known, place);
    }
    const own = (<usize>(place - 1)) << 2;
    store<i32>(entryPlaces + i, place - 1);
    store<f32>(touches + own, load<f32>(touches + own) + 1);
  }
  return length;
}

/**
 * The way back of `pool`: adds scale_s w_i dx_s to the gradient at the place of each entry with weight.
 * A gradient is `width` bytes and one float (of the bias) long.
 */
export function poolBack(
  places: usize,
  weights: usize,
  offsets: usize,
  slots: i32,
  width: i32,
  scales: usize,
  dx: usize,
  gradients: usize,
): void {
  const stride = <usize>width + 4;
  for (let s = 0; s < slots; s++) {
    const first = load<u32>(offsets + ((<usize>s) << 2));
    const last = load<u32>(offsets + ((<usize>s) << 2), 4);
    const scale = load<f32>(scales + ((<usize>s) << 2));
    for (let i = first; i < last; i++) {
      const weight = load<f32>(weights + ((<usize>i) << 2));
      if (weight === 0) continue;
      const to = gradients + <usize>load<u32>(places + ((<usize>i) << 2)) * stride;
      addScaled(to, f32x4.splat(weight * scale), dx, <usize>width);
    }
    dx += <usize>width;
  }
}

/** to += scale · from */
function addScaled(to: usize, scale: v128, from: usize, width: usize): void {
  for (let k: usize = 0; k < width; k += 16) {
    v128.store(to + k, f32x4.add(v128.load(to + k), f32x4.mul(scale, v128.load(from + k))));
  }
}

/** to += from */
function addAll(to: usize, from: usize, width: usize): void {
  for (let k: usize = 0; k < width; k += 16) {
    v128.store(to + k, f32x4.add(v128.load(to + k), v128.load(from + k)));
  }
}

/** to += by */
function addTo(to: usize, by: f32): void {
  store<f32>(to, load<f32>(to) + by);
}

/** e^x for x ≤ 0 in four lanes; below -87 as for -87. (The polynomial is that of Cephes' expf.) */
function expOf(x: v128): v128 {
  const at = f32x4.max(x, f32x4.splat(-87));
  const n = f32x4.nearest(f32x4.mul(at, f32x4.splat(<f32>Math.LOG2E)));
  let r = f32x4.sub(at, f32x4.mul(n, f32x4.splat(0.693359375)));
  r = f32x4.add(r, f32x4.mul(n, f32x4.splat(2.1219444e-4)));
  let y = f32x4.splat(1.98756915e-4);
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(1.3981999507e-3));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(8.3334519073e-3));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(4.1665795894e-2));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(1.6666665459e-1));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(5.0000001201e-1));
  y = f32x4.add(f32x4.add(f32x4.mul(f32x4.mul(y, r), r), r), f32x4.splat(1));
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23);
  return f32x4.mul(y, power);
}

/** σ(x), given e^-|x|. */
function sigmaOf(x: v128, odds: v128): v128 {
  const one = f32x4.splat(1);
  const above = f32x4.ge(x, f32x4.splat(0));
  return f32x4.div(v128.bitselect(one, odds, above), f32x4.add(one, odds));
}

/** a · b, in four lanes. */
function dot(a: usize, b: usize, width: usize): f32 {
  let sum = f32x4.splat(0);
  for (let k: usize = 0; k < width; k += 16) {
    sum = f32x4.add(sum, f32x4.mul(v128.load(a + k), v128.load(b + k)));
  }
  return (
    f32x4.extract_lane(sum, 0) +
    f32x4.extract_lane(sum, 1) +
    (f32x4.extract_lane(sum, 2) + f32x4.extract_lane(sum, 3))
  );
}

/**
 * Loss and gradients of `m` examples that share `n` negatives (see loss.ts).
 *
 * `examples`: seven columns of m words: example, row, place, offset, log prior, weight, touch of each
 * positive. `negatives`: four columns of n4 words, n4 = n rounded up to a multiple of 4: row, place,
 * offset, log prior; rows of what fills up are -1. `queries` and `dQueries` are (examples, d);
 * gradients and touches by place. `scratch` has room for (4 n4 + 2 m + 4) d + (m + 4) n4 floats. Adds
 * loss and dLoss/dprior to the two f64 at `sums`.
 */
export function lossGroup(
  embeddings: usize,
  width: i32,
  queries: usize,
  dQueries: usize,
  examples: usize,
  m: i32,
  negatives: usize,
  n: i32,
  gradients: usize,
  touches: usize,
  scratch: usize,
  sums: usize,
): void {
  const w = <usize>width;
  const stride = w + 4;
  const n4 = (n + 3) & ~3;
  const column = (<usize>m) << 2;
  const nColumn = (<usize>n4) << 2;
  const negativePlaces = negatives + nColumn;
  const negativeOffsets = negatives + nColumn * 2;
  const negativePriors = negatives + nColumn * 3;
  // V (n4, d), its transpose (d, n4), Q (m, d), G (m, n4), then dV (n4, d) and dQ (m, d).
  const v = scratch;
  const vt = v + <usize>n4 * w;
  const q = vt + <usize>n4 * w;
  const g = q + <usize>m * w;
  const dv = g + <usize>m * nColumn;
  const dq = dv + <usize>n4 * w;
  for (let i = 0; i < n4; i++) {
    const to = v + <usize>i * w;
    if (i < n) {
      copyRow(to, embeddings + <usize>load<u32>(negatives + ((<usize>i) << 2)) * w, w);
    } else memory.fill(to, 0, w);
    const down = vt + ((<usize>i) << 2);
    for (let k: usize = 0; k < w; k += 4) {
      store<f32>(down + (k >> 2) * nColumn, load<f32>(to + k));
    }
  }
  for (let e = 0; e < m; e++) {
    const example = <usize>load<u32>(examples + ((<usize>e) << 2));
    copyRow(q + <usize>e * w, queries + example * w, w);
  }
  if (n > 0) multiply(q, w, 4, vt, g, m, width >> 2, n4);

  let loss: f64 = 0;
  let dPrior: f64 = 0;
  for (let e = 0; e < m; e++) {
    const own = examples + ((<usize>e) << 2);
    const positive = load<u32>(own + column);
    const place = <usize>load<u32>(own + column * 2);
    const weight = load<f32>(own + column * 5);
    const touch = load<f32>(own + column * 6);
    const query = q + <usize>e * w;
    const dQuery = dQueries + <usize>load<u32>(own) * w;

    const embedding = embeddings + <usize>positive * w;
    const logit = f32x4.splat(-(dot(embedding, query, w) + load<f32>(own + column * 3)));
    const odd = expOf(f32x4.neg(f32x4.abs(logit)));
    const up = -weight * f32x4.extract_lane(sigmaOf(logit, odd), 0);
    let linear: f64 = max<f32>(f32x4.extract_lane(logit, 0), 0);
    let product: f64 = 1 + <f64>f32x4.extract_lane(odd, 0);
    dPrior += <f64>up * <f64>load<f32>(own + column * 4);
    const to = gradients + place * stride;
    addScaled(to, f32x4.splat(up), query, w);
    addTo(to + w, up);
    addTo(touches + (place << 2), touch);
    addScaled(dQuery, f32x4.splat(up), embedding, w);

    const row = g + <usize>e * nColumn;
    const weights = f32x4.splat(weight);
    let beyond = f32x4.splat(0);
    let factors = f32x4.splat(1);
    for (let i: usize = 0; i < nColumn; i += 16) {
      const score = f32x4.add(v128.load(row + i), v128.load(negativeOffsets + i));
      const rows = v128.load(negatives + i);
      const out = v128.or(
        i32x4.eq(rows, i32x4.splat(<i32>positive)),
        i32x4.lt_s(rows, i32x4.splat(0)),
      );
      const odds = expOf(f32x4.neg(f32x4.abs(score)));
      const down = v128.andnot(f32x4.mul(weights, sigmaOf(score, odds)), out);
      v128.store(row + i, down);
      beyond = f32x4.add(beyond, v128.andnot(f32x4.max(score, f32x4.splat(0)), out));
      factors = f32x4.mul(factors, f32x4.add(f32x4.splat(1), v128.andnot(odds, out)));
      // Each factor is at most 2.
      if ((i & 1023) === 1008 || i + 16 === nColumn) {
        product *= <f64>f32x4.extract_lane(factors, 0) * <f64>f32x4.extract_lane(factors, 1);
        product *= <f64>f32x4.extract_lane(factors, 2) * <f64>f32x4.extract_lane(factors, 3);
        linear += Math.log(product);
        product = 1;
        factors = f32x4.splat(1);
      }
    }
    if (product !== 1) linear += Math.log(product);
    linear += <f64>f32x4.extract_lane(beyond, 0) + <f64>f32x4.extract_lane(beyond, 1);
    linear += <f64>f32x4.extract_lane(beyond, 2) + <f64>f32x4.extract_lane(beyond, 3);
    loss += <f64>weight * linear;
  }
  if (n > 0) {
    multiply(g, nColumn, 4, v, dq, m, n, width >> 2);
    multiply(g, 4, nColumn, q, dv, n, m, width >> 2);
  }
  for (let e = 0; n > 0 && e < m; e++) {
    addAll(dQueries + <usize>load<u32>(examples + ((<usize>e) << 2)) * w, dq + <usize>e * w, w);
  }
  for (let i = 0; i < n; i++) {
    const at = (<usize>i) << 2;
    const place = <usize>load<u32>(negativePlaces + at);
    const own = load<u32>(negatives + at);
    let bias: f32 = 0;
    let touched: f32 = 0;
    for (let e = 0; e < m; e++) {
      bias += load<f32>(g + <usize>e * nColumn + at);
      const member = examples + ((<usize>e) << 2);
      if (load<u32>(member + column) !== own) touched += load<f32>(member + column * 6);
    }
    const to = gradients + place * stride;
    addAll(to, dv + <usize>i * w, w);
    addTo(to + w, bias);
    addTo(touches + (place << 2), touched);
    dPrior += <f64>bias * <f64>load<f32>(negativePriors + at);
  }
  store<f64>(sums, load<f64>(sums) + loss);
  store<f64>(sums, load<f64>(sums, 8) + dPrior, 8);
}

/** 8 in units of the weight grid; a unit is 2^-20. */
const LIMIT: f32 = 8388608;
const UNITS: f32 = 1048576;
const ACCUMULATOR_UNITS: f64 = 1073741824;
const ACCUMULATOR_UNIT: f64 = 1 / ACCUMULATOR_UNITS;

/** Four values, cut off at ± limit; a NaN stays one. */
function within(values: v128, limit: f32): v128 {
  return f32x4.pmin(f32x4.pmax(values, f32x4.splat(-limit)), f32x4.splat(limit));
}

/** What is added to four weights that are to move by `step`, in units; see grid.ts. */
function unitsOf(weight: v128, step: v128): v128 {
  const now = f32x4.mul(weight, f32x4.splat(UNITS));
  const by = f32x4.nearest(f32x4.mul(within(step, 16), f32x4.splat(UNITS)));
  // All are whole and at most 2^24 apart, so what is rounded here is what is cut off.
  const next = within(f32x4.add(now, by), LIMIT);
  return i32x4.trunc_sat_f32x4_s(f32x4.sub(next, now));
}

/** The mean square of a gradient. */
function meanSquare(gradient: usize, width: usize): f64 {
  return <f64>dot(gradient, gradient, width) / <f64>(width >> 2);
}

/** What a mean square adds to the accumulator of its row, in units. */
function addedBy(square: f64): f64 {
  return Math.floor(square * ACCUMULATOR_UNITS + 0.5);
}

/**
 * The steps of `n` rows of the table (see rowStep in adagrad.ts): embedding and bias. `gradients` and
 * `values` have rows of `width` bytes and one word; accumulators and `added` are two f64 a row, the
 * former by row of the table. `options`, f64: η, n_0 and λ, each of embeddings, then of biases; λ is
 * times the root of the row's touches.
 */
export function stepRows(
  n: i32,
  rows: usize,
  embeddings: usize,
  biases: usize,
  accumulators: usize,
  width: i32,
  gradients: usize,
  touches: usize,
  values: usize,
  added: usize,
  options: usize,
): void {
  const w = <usize>width;
  // Of embedding and bias, side by side.
  const etas = v128.load(options);
  const starts = v128.load(options, 16);
  const lambda = load<f64>(options, 32);
  const biasLambda = load<f64>(options, 40);
  const unit = f64x2.splat(ACCUMULATOR_UNIT);
  for (let i = 0; i < n; i++) {
    const row = <usize>load<u32>(rows + ((<usize>i) << 2));
    const root = sqrt(<f64>load<f32>(touches + ((<usize>i) << 2)));
    const gradient = load<f32>(gradients + w);
    const square = <f64>gradient * <f64>gradient;
    const squares = f64x2.replace_lane(f64x2.splat(square), 0, meanSquare(gradients, w));
    const scaled = f64x2.mul(squares, f64x2.splat(ACCUMULATOR_UNITS));
    const more = f64x2.floor(f64x2.add(scaled, f64x2.splat(0.5)));
    v128.store(added, more);
    const all = f64x2.mul(f64x2.add(v128.load(accumulators + (row << 4)), more), unit);
    const rates = f64x2.div(etas, f64x2.sqrt(f64x2.add(starts, all)));

    const rate = f64x2.extract_lane(rates, 0);
    stepRow(embeddings + row * w, gradients, values, w, <f32>rate, <f32>(-rate * lambda * root));
    const bias = load<f32>(biases + (row << 2));
    const decayed = biasLambda * root * <f64>bias + <f64>gradient;
    const step = -f64x2.extract_lane(rates, 1) * decayed;
    const units = unitsOf(f32x4.splat(bias), f32x4.splat(<f32>step));
    store<i32>(values + w, i32x4.extract_lane(units, 0));
    gradients += w + 4;
    values += w + 4;
    added += 16;
  }
}

/** values = units of decayed · weights - rate · gradients */
function stepRow(
  weights: usize,
  gradients: usize,
  values: usize,
  width: usize,
  rate: f32,
  decayed: f32,
): void {
  const rates = f32x4.splat(rate);
  const decays = f32x4.splat(decayed);
  for (let k: usize = 0; k < width; k += 16) {
    const weight = v128.load(weights + k);
    const down = f32x4.mul(rates, v128.load(gradients + k));
    v128.store(values + k, unitsOf(weight, f32x4.sub(f32x4.mul(decays, weight), down)));
  }
}

/**
 * Adds changes to `n` rows of the table (see ItemTable.add): `values` has rows of `width` bytes and one
 * word, of the grid; `added` two f64 a row. Writes the norms of the embeddings to `norms` (f32, by
 * place). Sums are in f64 and rounded once, as those of the loops.
 */
export function addRows(
  n: i32,
  rows: usize,
  embeddings: usize,
  biases: usize,
  accumulators: usize,
  width: i32,
  values: usize,
  added: usize,
  norms: usize,
  sign: f64,
): void {
  const w = <usize>width;
  for (let i = 0; i < n; i++) {
    const row = <usize>load<u32>(rows + ((<usize>i) << 2));
    const to = embeddings + row * w;
    const own = accumulators + (row << 4);
    const norm = addRow(to, biases + (row << 2), w, values, sign);
    store<f32>(norms + ((<usize>i) << 2), norm);
    store<f64>(own, load<f64>(own) + sign * load<f64>(added));
    store<f64>(own, load<f64>(own, 8) + sign * load<f64>(added, 8), 8);
    values += w + 4;
    added += 16;
  }
}

/** Adds one row of `width` bytes and a bias behind it, and returns the embedding's norm then. */
export function addRow(to: usize, bias: usize, width: usize, values: usize, sign: f64): f32 {
  const unit = sign / UNITS;
  const units = f64x2.splat(unit);
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  for (let k: usize = 0; k < width; k += 16) {
    const now = v128.load(to + k);
    const by = v128.load(values + k);
    const a = f64x2.add(
      f64x2.promote_low_f32x4(now),
      f64x2.mul(f64x2.convert_low_i32x4_s(by), units),
    );
    const b = f64x2.add(
      f64x2.promote_low_f32x4(v128.shuffle<i64>(now, now, 1, 1)),
      f64x2.mul(f64x2.convert_low_i32x4_s(v128.shuffle<i64>(by, by, 1, 1)), units),
    );
    low = f64x2.add(low, f64x2.mul(a, a));
    high = f64x2.add(high, f64x2.mul(b, b));
    v128.store(
      to + k,
      v128.shuffle<i64>(f32x4.demote_f64x2_zero(a), f32x4.demote_f64x2_zero(b), 0, 2),
    );
  }
  const squares = f64x2.add(low, high);
  const sum = f64x2.extract_lane(squares, 0) + f64x2.extract_lane(squares, 1);
  store<f32>(bias, <f32>(<f64>load<f32>(bias) + <f64>load<i32>(values + width) * unit));
  return <f32>sqrt(sum);
}

/**
 * The steps of a dense block of `rows` rows of `width` bytes, whose row r decays towards 1 at r and
 * towards 0 elsewhere. `accumulators` and `added` are one f64 a row.
 */
export function stepBlock(
  rows: i32,
  width: i32,
  weights: usize,
  gradients: usize,
  accumulators: usize,
  values: usize,
  added: usize,
  eta: f64,
  start: f64,
  lambda: f64,
): void {
  const w = <usize>width;
  for (let i = 0; i < rows; i++) {
    const at = (<usize>i) << 2;
    const more = addedBy(meanSquare(gradients, w));
    const all = load<f64>(accumulators + (at << 1)) + more;
    const rate = eta / sqrt(start + all * ACCUMULATOR_UNIT);
    stepRow(weights, gradients, values, w, <f32>rate, <f32>(-rate * lambda));
    if (at < w) {
      const weight = load<f32>(weights + at);
      const pull = -rate * (lambda * (<f64>weight - 1) + <f64>load<f32>(gradients + at));
      const units = unitsOf(f32x4.splat(weight), f32x4.splat(<f32>pull));
      store<i32>(values + at, i32x4.extract_lane(units, 0));
    }
    store<f64>(added + (at << 1), more);
    weights += w;
    gradients += w;
    values += w;
  }
}
