/** Kernels that add up deltas, in AssemblyScript. */

/** sums[places[i]] += values[i], for n rows of `words` i32 each. */
export function addWords(n: i32, words: i32, values: usize, places: usize, sums: usize): void {
  const width = (<usize>words) << 2;
  const most = width & ~15;
  for (let i: usize = 0; i < (<usize>n) << 2; i += 4) {
    const to = sums + <usize>load<u32>(places + i) * width;
    let k: usize = 0;
    for (; k < most; k += 16) {
      v128.store(to + k, i32x4.add(v128.load(to + k), v128.load(values + k)));
    }
    for (; k < width; k += 4) store<i32>(to + k, load<i32>(to + k) + load<i32>(values + k));
    values += width;
  }
}

/** Bits that are set in the magnitude of any of n i32, a multiple of 4: of v from 0 on, -v - 1 below. */
export function magnitudes(values: usize, n: i32): i32 {
  let all = i32x4.splat(0);
  const end = values + ((<usize>n) << 2);
  for (let at = values; at < end; at += 16) {
    const value = v128.load(at);
    all = v128.or(all, v128.xor(value, i32x4.shr_s(value, 31)));
  }
  const two = v128.or(all, v128.shuffle<i64>(all, all, 1, 0));
  return i32x4.extract_lane(two, 0) | i32x4.extract_lane(two, 1);
}
