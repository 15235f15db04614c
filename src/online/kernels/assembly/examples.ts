/** Kernels of examples, in AssemblyScript; the random numbers are those of ../../random.ts (sfc32). */

/**
 * Copies the entries first .. end - 1 of histories (row, weight and time in columns: u32, f64, f64),
 * but those of row `target`, and each other with probability `dropout` not, to columns of row, weight
 * and age (u32, f32, f64) from `at` on; returns where they end. `state`: the generator's four words.
 */
export function dropEntries(
  rows: usize,
  weights: usize,
  times: usize,
  first: i32,
  end: i32,
  target: i32,
  now: f64,
  dropout: f64,
  outRows: usize,
  outWeights: usize,
  outAges: usize,
  at: i32,
  state: usize,
): i32 {
  let a = load<u32>(state);
  let b = load<u32>(state, 4);
  let c = load<u32>(state, 8);
  let counter = load<u32>(state, 12);
  for (let i = first; i < end; i++) {
    const word = (<usize>i) << 2;
    const row = load<i32>(rows + word);
    if (row === target) continue;
    const to = (<usize>at) << 2;
    store<i32>(outRows + to, row);
    store<f32>(outWeights + to, <f32>load<f64>(weights + (word << 1)));
    store<f64>(outAges + (to << 1), max<f64>(0, now - load<f64>(times + (word << 1))));
    const t = a + b + counter;
    counter++;
    a = b ^ (b >> 9);
    b = c + (c << 3);
    c = ((c << 21) | (c >> 11)) + t;
    // Without a branch: nobody could foresee it.
    at += i32(<f64>t * (1.0 / 4294967296.0) >= dropout);
  }
  store<u32>(state, a);
  store<u32>(state, b, 4);
  store<u32>(state, c, 8);
  store<u32>(state, counter, 12);
  return at;
}
