/**
 * Kernels of the tower, in AssemblyScript: what it does with the rows of its matrices beside products.
 * They follow the loops in ../../tower/rows.ts to the last bit: where those round once, so do these.
 */
import { copyRow } from './kernels';

/** Row i of `from` becomes row places[i] of `to`. */
export function scatterRows(n: i32, width: i32, from: usize, places: usize, to: usize): void {
  const w = <usize>width;
  for (let i = 0; i < n; i++) {
    copyRow(to + <usize>load<u32>(places + ((<usize>i) << 2)) * w, from, w);
    from += w;
  }
}

/** Row places[i] of `from` becomes row i of `to`. */
export function gatherRows(n: i32, width: i32, from: usize, places: usize, to: usize): void {
  const w = <usize>width;
  for (let i = 0; i < n; i++) {
    copyRow(to, from + <usize>load<u32>(places + ((<usize>i) << 2)) * w, w);
    to += w;
  }
}

/** Adds a row to each of n rows. */
export function addToRows(n: i32, width: i32, rows: usize, row: usize): void {
  const w = <usize>width;
  for (let k: usize = 0; k < w; k += 16) {
    const by = v128.load(row + k);
    let at = rows + k;
    for (let i = 0; i < n; i++) {
      v128.store(at, f32x4.add(v128.load(at), by));
      at += w;
    }
  }
}

/** Writes the sum of n rows, from the first to the last. */
export function sumRows(n: i32, width: i32, rows: usize, out: usize): void {
  const w = <usize>width;
  for (let k: usize = 0; k < w; k += 16) {
    let sum = f32x4.splat(0);
    let at = rows + k;
    for (let i = 0; i < n; i++) {
      sum = f32x4.add(sum, v128.load(at));
      at += w;
    }
    v128.store(out + k, sum);
  }
}

/** The upper two of four floats as f64. */
function high(values: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<i64>(values, values, 1, 1));
}

/** z[examples[i]] += gate[i] · y[places[i]], for n slots. */
export function mixRows(
  n: i32,
  width: i32,
  y: usize,
  places: usize,
  examples: usize,
  gate: usize,
  z: usize,
): void {
  const w = <usize>width;
  for (let i: usize = 0; i < (<usize>n) << 2; i += 4) {
    const from = y + <usize>load<u32>(places + i) * w;
    const to = z + <usize>load<u32>(examples + i) * w;
    const weight = f64x2.splat(<f64>load<f32>(gate + i));
    for (let k: usize = 0; k < w; k += 16) {
      const more = v128.load(from + k);
      const now = v128.load(to + k);
      const a = f64x2.add(
        f64x2.promote_low_f32x4(now),
        f64x2.mul(weight, f64x2.promote_low_f32x4(more)),
      );
      const b = f64x2.add(high(now), f64x2.mul(weight, high(more)));
      v128.store(
        to + k,
        v128.shuffle<i64>(f32x4.demote_f64x2_zero(a), f32x4.demote_f64x2_zero(b), 0, 2),
      );
    }
  }
}

/**
 * The way back of mixRows: dy[places[i]] = gate[i] · dz[examples[i]], and dgate[i] (f32) is the sum over
 * k of dz · y, in f64 by rising k.
 */
export function unmixRows(
  n: i32,
  width: i32,
  y: usize,
  places: usize,
  examples: usize,
  gate: usize,
  dz: usize,
  dy: usize,
  dgate: usize,
): void {
  const w = <usize>width;
  for (let i: usize = 0; i < (<usize>n) << 2; i += 4) {
    const place = <usize>load<u32>(places + i) * w;
    const from = dz + <usize>load<u32>(examples + i) * w;
    const weight = f32x4.splat(load<f32>(gate + i));
    let sum: f64 = 0;
    for (let k: usize = 0; k < w; k += 16) {
      const value = v128.load(from + k);
      const own = v128.load(y + place + k);
      v128.store(dy + place + k, f32x4.mul(weight, value));
      const a = f64x2.mul(f64x2.promote_low_f32x4(value), f64x2.promote_low_f32x4(own));
      const b = f64x2.mul(high(value), high(own));
      sum += f64x2.extract_lane(a, 0);
      sum += f64x2.extract_lane(a, 1);
      sum += f64x2.extract_lane(b, 0);
      sum += f64x2.extract_lane(b, 1);
    }
    store<f32>(dgate + i, <f32>sum);
  }
}
