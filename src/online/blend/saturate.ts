/**
 * x / (1 + by |x|), the softsign (Bergstra et al. 2009): like x near 0, below 1 / by however large x is, and rising all
 * the way, so that what is no less than x gives a bound. By 0 it is x itself, to the bit.
 */
export function saturate(x: number, by: number): number {
  return x / (1 + by * Math.abs(x));
}
