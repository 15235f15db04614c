/**
 * Solves M X = B for a symmetric positive definite M (n, n), by Cholesky's factors, in place: afterwards
 * `m` holds the factor in its lower triangle and `b` (n, columns) holds X. Row-major. False where M is not positive
 * definite; `b` is as it was then.
 */
export function solveInPlace(
  m: Float64Array,
  n: number,
  b: Float64Array,
  columns: number,
): boolean {
  if (!factor(m, n)) return false;
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) subtractRow(b, i * columns, k * columns, m[i * n + k]!, columns);
    scaleRow(b, i * columns, 1 / m[i * n + i]!, columns);
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++)
      subtractRow(b, i * columns, k * columns, m[k * n + i]!, columns);
    scaleRow(b, i * columns, 1 / m[i * n + i]!, columns);
  }
  return true;
}

/** M = L Lᵀ, with L in the lower triangle; false where there is none. */
function factor(m: Float64Array, n: number): boolean {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = m[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= m[i * n + k]! * m[j * n + k]!;
      if (i === j && !(sum > 0)) return false;
      m[i * n + j] = i === j ? Math.sqrt(sum) : sum / m[j * n + j]!;
    }
  }
  return true;
}

function subtractRow(b: Float64Array, to: number, from: number, by: number, n: number): void {
  for (let c = 0; c < n; c++) b[to + c] = b[to + c]! - by * b[from + c]!;
}

function scaleRow(b: Float64Array, at: number, by: number, n: number): void {
  for (let c = at; c < at + n; c++) b[c] = b[c]! * by;
}
