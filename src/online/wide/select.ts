/**
 * The k-th largest of values[0 .. n - 1], k from 1 to n, in O(n): quickselect with the median of three
 * as pivot (Hoare 1961, Find). The values are reordered; none may be NaN.
 */
export function kthLargest(values: Float64Array, n: number, k: number): number {
  let low = 0;
  let high = n - 1;
  const wanted = k - 1;
  while (low < high) {
    const pivot = median(values[low]!, values[(low + high) >>> 1]!, values[high]!);
    let i = low;
    let j = high;
    while (i <= j) {
      while (values[i]! > pivot) i++;
      while (values[j]! < pivot) j--;
      if (i > j) break;
      const value = values[i]!;
      values[i++] = values[j]!;
      values[j--] = value;
    }
    if (wanted <= j) high = j;
    else if (wanted >= i) low = i;
    else return values[wanted]!;
  }
  return values[wanted]!;
}

function median(a: number, b: number, c: number): number {
  if (a < b) return b < c ? b : Math.max(a, c);
  return a < c ? a : Math.max(b, c);
}

/** Kept from call to call. */
const ends = new Int32Array(64);
let spread = new Float64Array(256);

/**
 * Sorts values[0 .. n - 1], at least 0 and less than `limit`, that lie anywhere there with like probability, as hashes
 * do: into 64 parts of the span by value, then by insertion, which has little left to move.
 */
export function sortHashes(values: Float64Array, n: number, limit: number): void {
  if (spread.length < n) spread = new Float64Array(n * 2);
  const perValue = ends.length / limit;
  ends.fill(0);
  for (let i = 0; i < n; i++) ends[Math.floor(values[i]! * perValue)]!++;
  for (let part = 1; part < ends.length; part++) ends[part]! += ends[part - 1]!;
  for (let i = n - 1; i >= 0; i--) spread[--ends[Math.floor(values[i]! * perValue)]!] = values[i]!;
  for (let i = 0; i < n; i++) {
    const value = spread[i]!;
    let at = i;
    for (; at > 0 && values[at - 1]! > value; at--) values[at] = values[at - 1]!;
    values[at] = value;
  }
}
