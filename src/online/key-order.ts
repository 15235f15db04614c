/** Rows that are looked at between two breaths. */
const SLICE = 1 << 14;
/** Below so many rows, comparing keys is quicker than counting characters. */
const FEW = 1 << 10;
/** A character counts as the lesser of its code and this. */
const LARGEST = 127;
const HIGH_CHARACTERS = 3;
const LOW_CHARACTERS = 4;
const DIGIT_BITS = 14;

/** Where the rows' keys and domains are found. */
export interface KeyedRows {
  readonly domainCount: number;
  domainName(index: number): string;
  domainOf(row: number): number;
  /** `domain/itemId` */
  key(row: number): string;
}

/**
 * Returns the rows sorted by key (UTF-16 code units); yields now and then, so that the caller can
 * breathe. `rows` is not changed.
 *
 * Strings are dear to compare, so it is a radix sort: by domain, then within it by the seven
 * characters behind those that all its keys have in common, 7 bits each; what is still equal is
 * sorted in the same way by what follows.
 */
export function* sortByKey(rows: Int32Array, source: KeyedRows): Generator<void, Int32Array> {
  const sorter = new Sorter(source, rows.length);
  const names = Array.from({ length: source.domainCount }, (_, i) => `${source.domainName(i)}/`);
  // No name with its slash is the beginning of another, so domains are in order as their keys are.
  const inOrder = names.map((_, i) => i).sort((a, b) => (names[a]! < names[b]! ? -1 : 1));
  const starts = new Uint32Array(names.length + 1);
  for (let i = 0; i < rows.length; i++) starts[source.domainOf(rows[i]!)]!++;
  let sum = 0;
  for (const domain of inOrder) {
    const count = starts[domain]!;
    starts[domain] = sum;
    sum += count;
  }
  const next = starts.slice();
  for (let i = 0; i < rows.length; i++) {
    const domain = source.domainOf(rows[i]!);
    sorter.rows[next[domain]!++] = rows[i]!;
  }
  yield;
  for (const domain of inOrder) {
    yield* sorter.sort(starts[domain]!, next[domain]!, names[domain]!.length);
  }
  return sorter.rows;
}

class Sorter {
  readonly rows: Int32Array;
  readonly #source: KeyedRows;
  readonly #spare: Int32Array;
  /** The characters of each row, three and four of them. */
  #high: Uint32Array;
  #low: Uint32Array;
  #spareHigh: Uint32Array;
  #spareLow: Uint32Array;
  #untilBreath = SLICE;

  constructor(source: KeyedRows, size: number) {
    this.#source = source;
    this.rows = new Int32Array(size);
    this.#spare = new Int32Array(size);
    this.#high = new Uint32Array(size);
    this.#low = new Uint32Array(size);
    this.#spareHigh = new Uint32Array(size);
    this.#spareLow = new Uint32Array(size);
  }

  /** Sorts `rows[from .. to - 1]`, whose keys share their first `known` characters. */
  *sort(from: number, to: number, known: number): Generator<void, void> {
    if (to - from < FEW) {
      if (to - from > 1) yield* this.#compare(from, to);
      return;
    }
    const shared = yield* this.#shared(from, to, known);
    yield* this.#read(from, to, shared);
    for (const [digits, shift] of [
      ['low', 0],
      ['low', DIGIT_BITS],
      ['high', 0],
      ['high', DIGIT_BITS],
    ] as const) {
      this.#distribute(from, to, digits, shift);
      yield;
    }
    // The rows were moved an even number of times, so they are back in their own arrays.
    let begin = from;
    for (let i = from + 1; i <= to; i++) {
      if (i < to && this.#high[i] === this.#high[begin] && this.#low[i] === this.#low[begin]) {
        continue;
      }
      if (i - begin > 1) {
        // Where nothing was told apart (all characters beyond ASCII), only comparing helps.
        if (i - begin === to - from) yield* this.#compare(begin, i);
        else yield* this.sort(begin, i, shared);
      }
      begin = i;
    }
  }

  *#compare(from: number, to: number): Generator<void, void> {
    const { rows } = this;
    const source = this.#source;
    rows.subarray(from, to).sort((a, b) => (source.key(a) < source.key(b) ? -1 : 1));
    this.#untilBreath -= 8 * (to - from);
    if (this.#untilBreath <= 0) {
      this.#untilBreath = SLICE;
      yield;
    }
  }

  /** How many leading characters the keys have in common, `known` of them at least. */
  *#shared(from: number, to: number, known: number): Generator<void, number> {
    const first = this.#source.key(this.rows[from]!);
    let shared = first.length;
    for (let i = from + 1; i < to; i++) {
      const key = this.#source.key(this.rows[i]!);
      const most = Math.min(shared, key.length);
      let at = known;
      while (at < most && key.charCodeAt(at) === first.charCodeAt(at)) at++;
      shared = at;
      if (i % SLICE === 0) yield;
    }
    return shared;
  }

  *#read(from: number, to: number, at: number): Generator<void, void> {
    for (let i = from; i < to; i++) {
      const key = this.#source.key(this.rows[i]!);
      this.#high[i] = characters(key, at, HIGH_CHARACTERS);
      this.#low[i] = characters(key, at + HIGH_CHARACTERS, LOW_CHARACTERS);
      if (i % SLICE === 0) yield;
    }
  }

  /** One pass of the radix sort: stable, by 14 bits. */
  #distribute(from: number, to: number, digits: 'high' | 'low', shift: number): void {
    const { rows } = this;
    const [source, target] = shift === 0 ? [rows, this.#spare] : [this.#spare, rows];
    const [high, highTo] =
      shift === 0 ? [this.#high, this.#spareHigh] : [this.#spareHigh, this.#high];
    const [low, lowTo] = shift === 0 ? [this.#low, this.#spareLow] : [this.#spareLow, this.#low];
    const digit = digits === 'high' ? high : low;
    const mask = (1 << DIGIT_BITS) - 1;
    const places = new Uint32Array(1 << DIGIT_BITS);
    for (let i = from; i < to; i++) places[(digit[i]! >>> shift) & mask]!++;
    let sum = from;
    for (let i = 0; i < places.length; i++) {
      const count = places[i]!;
      places[i] = sum;
      sum += count;
    }
    for (let i = from; i < to; i++) {
      const place = places[(digit[i]! >>> shift) & mask]!++;
      target[place] = source[i]!;
      highTo[place] = high[i]!;
      lowTo[place] = low[i]!;
    }
  }
}

/** `n` characters from `at` on as one number that is in order as they are; 0 beyond the end. */
function characters(key: string, at: number, n: number): number {
  let number = 0;
  for (let i = at; i < at + n; i++) {
    const code = i < key.length ? key.charCodeAt(i) : 0;
    number = number * (LARGEST + 1) + Math.min(code, LARGEST);
  }
  return number;
}
