import type { InputRange, ModelDeltaRecord } from '../serde/types.js';

/** What the deltas of one partition say about the input. */
export interface CoverageReport {
  /** Transactions that read input. */
  readonly ranges: number;
  /** Stretches of input offsets that no delta counts. */
  readonly gaps: number;
  /** Stretches that more than one delta counts. */
  readonly overlaps: number;
  /** Transactions of which a part is missing or there twice. */
  readonly torn: number;
  /** Ranges whose number of records is not that of the input. */
  readonly miscounted: number;
}

interface Range extends InputRange {
  parts: Map<number, number>;
  expected: number;
  /** Records of the input that were seen in it. */
  seen: number;
}

/** Gathers the input offsets that the deltas name, and checks that each is counted once. */
export class InputCoverage {
  readonly #ranges = new Map<number, Map<string, Range>>();
  #sorted: Map<number, Range[]> | null = null;
  readonly #cursor = new Map<number, number>();

  /** A committed record of the delta topic. */
  add(delta: ModelDeltaRecord): void {
    const { partition } = delta.inputs;
    let ranges = this.#ranges.get(partition);
    if (ranges === undefined) {
      ranges = new Map();
      this.#ranges.set(partition, ranges);
    }
    const id = `${delta.process}/${delta.sequence}`;
    let range = ranges.get(id);
    if (range === undefined) {
      range = { ...delta.inputs, parts: new Map(), expected: delta.parts, seen: 0 };
      ranges.set(id, range);
    }
    range.parts.set(delta.part, (range.parts.get(delta.part) ?? 0) + 1);
    this.#sorted = null;
  }

  /** One past the last input offset that is counted, by partition. */
  end(partition: number): bigint {
    return this.#of(partition).at(-1)?.nextOffset ?? 0n;
  }

  /** The first input offset that is counted; null where there is none. */
  start(partition: number): bigint | null {
    return this.#of(partition)[0]?.firstOffset ?? null;
  }

  /** A record of the input, in order within its partition, after all deltas. */
  input(partition: number, offset: bigint): void {
    const ranges = this.#of(partition);
    let at = this.#cursor.get(partition) ?? 0;
    while (at < ranges.length && ranges[at]!.nextOffset <= offset) at += 1;
    this.#cursor.set(partition, at);
    const range = ranges[at];
    if (range !== undefined && range.firstOffset <= offset) range.seen += 1;
  }

  /** `begin`: where counting has to begin, where that is known. `counted`: whether input was handed in. */
  report(begin: ReadonlyMap<number, bigint>, counted: boolean): CoverageReport {
    const total = { ranges: 0, gaps: 0, overlaps: 0, torn: 0, miscounted: 0 };
    for (const partition of this.#ranges.keys()) {
      const ranges = this.#of(partition);
      let next = begin.get(partition) ?? ranges[0]?.firstOffset ?? 0n;
      for (const range of ranges) {
        if (range.firstOffset > next) total.gaps += 1;
        if (range.firstOffset < next) total.overlaps += 1;
        if (range.nextOffset > next) next = range.nextOffset;
        const whole =
          range.parts.size === range.expected && [...range.parts.values()].every((n) => n === 1);
        if (!whole) total.torn += 1;
        if (counted && range.seen !== range.records) total.miscounted += 1;
      }
      total.ranges += ranges.length;
    }
    return total;
  }

  #of(partition: number): readonly Range[] {
    if (this.#sorted === null) {
      this.#sorted = new Map();
      for (const [key, ranges] of this.#ranges) {
        const list = [...ranges.values()];
        list.sort((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1));
        this.#sorted.set(key, list);
      }
    }
    return this.#sorted.get(partition) ?? [];
  }
}
