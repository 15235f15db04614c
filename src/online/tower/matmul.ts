/**
 * C = op(A) op(B) in loops, row-major, where op transposes or not; A is (n, m) as stored, B (k, l).
 * For products too small to be worth a call to a backend.
 */
export function matMulInLoops(
  a: Float32Array,
  aRows: number,
  aColumns: number,
  b: Float32Array,
  bRows: number,
  bColumns: number,
  transposeA: boolean,
  transposeB: boolean,
): Float32Array {
  if (transposeA) return outerSum(a, b, aRows, aColumns, bColumns);
  if (transposeB) return rowDots(a, b, aRows, aColumns, bRows);
  const out = new Float32Array(aRows * bColumns);
  for (let i = 0; i < aRows; i++) {
    const row = out.subarray(i * bColumns, (i + 1) * bColumns);
    for (let m = 0; m < aColumns; m++) {
      const value = a[i * aColumns + m]!;
      const at = m * bColumns;
      for (let k = 0; k < bColumns; k++) row[k]! += value * b[at + k]!;
    }
  }
  return out;
}

/** Aᵀ B: (m, l), the sum over rows of outer products. */
function outerSum(
  a: Float32Array,
  b: Float32Array,
  rows: number,
  aColumns: number,
  bColumns: number,
): Float32Array {
  const out = new Float32Array(aColumns * bColumns);
  for (let i = 0; i < rows; i++) {
    const from = i * bColumns;
    for (let m = 0; m < aColumns; m++) {
      const value = a[i * aColumns + m]!;
      const at = m * bColumns;
      for (let k = 0; k < bColumns; k++) out[at + k]! += value * b[from + k]!;
    }
  }
  return out;
}

/** A Bᵀ: (n, k), products of rows. */
function rowDots(
  a: Float32Array,
  b: Float32Array,
  aRows: number,
  columns: number,
  bRows: number,
): Float32Array {
  const out = new Float32Array(aRows * bRows);
  for (let i = 0; i < aRows; i++) {
    for (let j = 0; j < bRows; j++) {
      let sum = 0;
      for (let k = 0; k < columns; k++) sum += a[i * columns + k]! * b[j * columns + k]!;
      out[i * bRows + j] = sum;
    }
  }
  return out;
}
