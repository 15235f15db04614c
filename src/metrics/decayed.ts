/**
 * A mean in which what is older counts less: after `halfLife` more observations, half. It counts
 * observations, not time, so a resting stream keeps its last value.
 *
 *     s <- s g^n + n x,  w <- w g^n + n,  mean = s / w,  g = 2^(-1 / halfLife)
 *
 * Dividing by the decayed weight keeps the first values from being pulled towards zero.
 */
export class Decayed {
  readonly #decay: number;
  #sum = 0;
  #weight = 0;

  constructor(halfLife: number) {
    this.#decay = 2 ** (-1 / halfLife);
  }

  /** Adds `n` observations of mean `x`. */
  add(x: number, n = 1): void {
    const kept = n === 1 ? this.#decay : this.#decay ** n;
    this.#sum = this.#sum * kept + n * x;
    this.#weight = this.#weight * kept + n;
  }

  get weight(): number {
    return this.#weight;
  }

  /** NaN before the first observation. */
  get mean(): number {
    return this.#sum / this.#weight;
  }
}
