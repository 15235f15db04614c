/**
 * Memory in words of 4 bytes that lists and walks lie in (arena.ts says how). An address is the index
 * of a word; 0 is none.
 */
export interface WordMemory {
  /** Replaced when the memory grows, as are the doubles: read them afresh after whatever may add. */
  readonly words: Int32Array;
  /** The same bytes: doubles[a / 2] begins at the address a, floats[a] too. */
  readonly doubles: Float64Array;
  readonly floats: Float32Array;
  /** The first address that is free to use, a multiple of 4. */
  readonly start: number;
  /** Loops over the words that are faster than ours, or null. */
  readonly kernels: WordKernels | null;
  /** Makes it at least so many words, zeros at its end. */
  reach(words: number): void;
}

/** What kernels do in the place of the loops beside them. */
export interface WordKernels {
  /** Pairs that one call of `add` takes. */
  readonly most: number;
  /** Address of what is to be added: by pair from, to, domain of `to`, and count; or of rows. */
  readonly pairs: number;
  /** As `Arena.add` for n pairs; returns how many were added before there was no room for the next. */
  add(header: number, n: number): number;
  /** As `Neighbours.withLongLists` of the n rows at `pairs`, in place; returns how many they are. */
  longLists(header: number, n: number, most: number): number;
  /** As `WalkRoom.addOne` for n starts; returns the rows reached then. */
  addOne(header: number, room: RoomAddresses, n: number, domain: number, length: number): number;
  /** As `WalkRoom.addStart`; returns the bridges found then. */
  addStart(header: number, room: RoomAddresses, n: number, domain: number, length: number): number;
  /** As `WalkRoom.addCosines`, of rows that `addOne` reached, from starts of the same rows with no domain of their own. */
  addCosines(header: number, room: RoomAddresses, n: number, domain: number): void;
  /** As `WalkRoom.addTwo`; returns the rows reached then. */
  addTwo(header: number, room: RoomAddresses, n: number, domain: number, length: number): number;
  /** As `WalkRoom.reaching`. */
  reaching(room: RoomAddresses, from: number, length: number, bound: ScoreBound): number;
  /** As `WalkRoom.partsOf`, of rows that are marked. */
  parts(header: number, room: RoomAddresses, n: number, domain: number): void;
  /** Sets the sums of cosines of so many rows reached to 0. */
  clearCosines(room: RoomAddresses, rows: number): void;
  /** As `WalkRoom.clear`. */
  clear(room: RoomAddresses, rows: number, bridges: number): void;
}

/** Addresses of the arrays of a walk; see walk-room.ts. */
export interface RoomAddresses {
  /** Rows of the table. */
  readonly size: number;
  readonly masses: number;
  readonly cosines: number;
  readonly start: number;
  readonly rows: number;
  readonly bridges: number;
  readonly starts: number;
  readonly sums: number;
  readonly facts: number;
  readonly found: number;
  readonly added: number;
  readonly marks: number;
  readonly parts: number;
}

/**
 * Which rows a walk has to be asked about: those whose score, by a bound of it, is no less than `bar`:
 *
 *     π log(1 + c_j) + β b_j + f(reach · |v_j|) + max(0, λ log(1 + perOne · p1(j)) + ω log(1 + perTwo · (p1(j) + p2(j)))
 *         + κ x² / (1 + x) - ν log(1 + perDiscount · p1(j)))
 *
 * with x = log(1 + perCosine · cosine(j)), and f of blend/saturate.ts.
 */
export interface ScoreBound {
  readonly popularity: number;
  readonly bias: number;
  readonly lift: number;
  readonly walk: number;
  readonly cosine: number;
  readonly reach: number;
  readonly saturation: number;
  readonly perOne: number;
  readonly perTwo: number;
  readonly perCosine: number;
  readonly discount: number;
  readonly perDiscount: number;
  readonly bar: number;
}

/** Rows that one search finds at the most. */
export const MOST_FOUND = 32;

/** Words in arrays of JavaScript. */
export class PlainWords implements WordMemory {
  words: Int32Array<ArrayBuffer>;
  doubles: Float64Array<ArrayBuffer>;
  floats: Float32Array<ArrayBuffer>;
  readonly start: number;
  readonly kernels = null;

  /** @param from what it holds at first, a multiple of 4 words; `start` as that was used. */
  constructor(from: Int32Array = new Int32Array(0), start = 0) {
    this.words = new Int32Array(Math.max(256, from.length));
    this.words.set(from);
    this.start = start;
    this.doubles = new Float64Array(this.words.buffer);
    this.floats = new Float32Array(this.words.buffer);
  }

  reach(words: number): void {
    if (words <= this.words.length) return;
    const next = new Int32Array(Math.ceil(Math.max(words, this.words.length * 1.5) / 4) * 4);
    next.set(this.words);
    this.words = next;
    this.doubles = new Float64Array(next.buffer);
    this.floats = new Float32Array(next.buffer);
  }
}
