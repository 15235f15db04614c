/** Where values beyond the cap are counted. */
export const OTHER = 'other';
/** The label of what has no value: an event that could not be decoded has no domain. */
export const NONE = 'none';

/**
 * Keeps a label from exploding: the first `cap` values keep their names, all later ones share
 * `other`. Values that only bad input has named should come in through `known`, lest they use the
 * room up before the good ones come.
 */
export class LabelCap {
  readonly #cap: number;
  readonly #values = new Set<string>();

  constructor(cap: number) {
    this.#cap = cap;
  }

  /** The label of the value, which takes a place where there is one. */
  admit(value: string): string {
    if (value === '') return NONE;
    if (this.#values.has(value)) return value;
    if (this.#values.size >= this.#cap) return OTHER;
    this.#values.add(value);
    return value;
  }

  /** The label of the value, without taking a place: `other` where it has none. */
  known(value: string): string {
    if (value === '') return NONE;
    return this.#values.has(value) ? value : OTHER;
  }
}
