import type { CopiesReport } from './copies.js';
import type { CoverageReport } from './coverage.js';

/** What a replica says of its committed model (`GET /model`). */
export interface ReplicaModel {
  readonly name: string;
  readonly trainedEvents: number;
  readonly sha256: string;
  readonly deltaOffsets: readonly bigint[];
}

/** What the topics of an application show. All figures of one moment, `live` ones excepted. */
export interface VerifyReport {
  readonly ok: boolean;
  /** A sentence for each law that does not hold. */
  readonly problems: readonly string[];
  readonly inputOffsets: CoverageReport;
  /** Events trained into the model, by the log (and the snapshot below it). */
  readonly trainedEvents: number;
  readonly sha256: {
    /** Of the sum of all deltas; null where older ones were deleted below a snapshot. */
    readonly log: string | null;
    /** Of the newest snapshot and the deltas after it; null without a snapshot. */
    readonly snapshot: string | null;
    /** Of those that were asked, by name, at their own offsets of the delta topic. */
    readonly replicas: Readonly<Record<string, string>>;
  };
  /** What the input must have led to; null where its beginning was deleted. */
  readonly oracle: {
    readonly accepted: number;
    readonly refused: number;
    readonly users: number;
    readonly deadLetters: number;
  } | null;
  readonly users: {
    readonly states: number;
    readonly checked: number;
    /** Not as the input says. */
    readonly wrong: number;
    /** Touched while the topics were read: not checked. */
    readonly moving: number;
    /** Lists are owed to them. */
    readonly owed: number;
    /** Of those, due, in partitions where nothing else is to be done. */
    readonly overdue: number;
  };
  readonly lists: {
    readonly lists: number;
    /** Not based on a later event than the list before. */
    readonly notIncreasing: number;
    /** Users whose newest lists are not based on their newest event. */
    readonly notLast: number;
  };
  readonly deadLetters: {
    readonly found: number;
    /** Of events that made the learner fail. */
    readonly poison: number;
    readonly missing: number;
    readonly unexpected: number;
  };
  /** Of the step before the tasks; null where there is none, or the input was not read. */
  readonly copies: CopiesReport | null;
}

/** Gathers sentences about what does not hold; of a kind only the first few. */
export class Problems {
  readonly #sentences: string[] = [];
  readonly #counts = new Map<string, number>();

  add(kind: string, sentence: string): void {
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    if (count <= 5) this.#sentences.push(sentence);
  }

  count(kind: string): number {
    return this.#counts.get(kind) ?? 0;
  }

  get sentences(): readonly string[] {
    const more = [...this.#counts].filter(([, count]) => count > 5);
    return [...this.#sentences, ...more.map(([kind, count]) => `${kind}: ${count} in all`)];
  }
}
