import { grown } from './columns.js';
import type { Histories } from './encoders/encoder.js';
import { type EntryColumns, PlainEntries } from './entries.js';
import type { MiniBatch } from './minibatch.js';
import type { Random } from './random.js';
import type { Trust } from './trust/trust.js';

/** How examples are made of events; see LearnerOptions. */
export interface ExampleOptions {
  readonly ownDomainDropout: number;
  readonly singleSource: number;
  readonly historyDropout: number;
  readonly replay: number;
}

/** The positives that a mini-batch trains, with the histories that are to explain them. */
export interface Examples {
  readonly count: number;
  /** (count) row of the positive item. */
  readonly rows: Int32Array;
  /** (count) index of its domain. */
  readonly targets: Int32Array;
  /** (count) weight of the example in the loss. */
  readonly weights: Float32Array;
  /** (count) slots of the example; 0: nothing is known of the user. */
  readonly slotsOf: Int32Array;
  /** (slots) */
  readonly slotExample: Int32Array;
  /** (slots) log(1 + n_{u,s}) */
  readonly slotEvidence: Float32Array;
  readonly histories: Histories;
}

/**
 * Makes the examples of mini-batches. For each event:
 *
 * - the event itself, beside all of the user's histories, or with probability `singleSource` beside
 *   one of them alone;
 * - with probability `ownDomainDropout` the event again, with the history in its own domain hidden,
 *   since that is what a user who is new there looks like (only for users who have other domains);
 * - `replay` positives drawn from the user's own rings, each with the history in its own domain hidden
 *   with the same probability; the event itself is one more entry of their histories.
 *
 * The target is taken out of the histories, wherever it stands, and each entry that is left is dropped
 * with probability `historyDropout`, so that histories of all lengths are seen.
 */
export class ExampleMaker {
  private readonly options: ExampleOptions;
  private count = 0;
  private rows = new Int32Array(512);
  private targets = new Int32Array(512);
  private weights = new Float32Array(512);
  private slotsOf = new Int32Array(512);
  private slots = 0;
  private slotExample = new Int32Array(1024);
  private slotSource = new Int32Array(1024);
  private slotEvidence = new Float32Array(1024);
  private offsets = new Int32Array(1025);
  private readonly trust: Trust | null;
  private readonly entries: EntryColumns;

  /** @param trust Says which domains examples of others look at; null: all. */
  constructor(
    options: ExampleOptions,
    entries: EntryColumns = new PlainEntries(),
    trust: Trust | null = null,
  ) {
    this.trust = trust;
    this.options = options;
    this.entries = entries;
  }

  /** Those of a mini-batch, as views that are good until the next one. */
  make(batch: MiniBatch, random: Random): Examples {
    this.count = 0;
    this.slots = 0;
    // Each event is in two examples, and in those replayed, beside all entries and once itself.
    const most = (2 + this.options.replay) * (batch.entries + batch.count);
    this.entries.begin(batch, most);
    for (let event = 0; event < batch.count; event++) this.addEvent(batch, event, random);
    const { count, slots } = this;
    const { length, rows, weights, ages } = this.entries;
    return {
      count,
      rows: this.rows.subarray(0, count),
      targets: this.targets.subarray(0, count),
      weights: this.weights.subarray(0, count),
      slotsOf: this.slotsOf.subarray(0, count),
      slotExample: this.slotExample.subarray(0, slots),
      slotEvidence: this.slotEvidence.subarray(0, slots),
      histories: {
        slots,
        offsets: this.offsets.subarray(0, slots + 1),
        rows: rows.subarray(0, length),
        weights: weights.subarray(0, length),
        ages: ages.subarray(0, length),
        sources: this.slotSource.subarray(0, slots),
      },
    };
  }

  private addEvent(batch: MiniBatch, event: number, random: Random): void {
    const { ownDomainDropout, singleSource, replay } = this.options;
    const row = batch.rows[event]!;
    const domain = batch.domains[event]!;
    const weight = batch.weights[event]!;
    const first = batch.firstSlots[event]!;
    const end = batch.firstSlots[event + 1]!;
    this.begin(row, domain, weight);
    if (random.float() < singleSource && end - first > 1) {
      const slot = first + random.below(end - first);
      this.addSlots(batch, event, slot, slot + 1, row, -1, random, false);
    } else {
      this.addSlots(batch, event, first, end, row, -1, random, false);
    }
    if (hasOthers(batch, first, end, domain) && random.float() < ownDomainDropout) {
      this.begin(row, domain, weight);
      this.addSlots(batch, event, first, end, row, domain, random, false);
    }
    for (let i = 0; i < replay; i++) {
      this.replay(batch, event, random.float() < ownDomainDropout, random);
    }
  }

  /** An example for one of the user's earlier positives, drawn uniformly; none if there are none. */
  private replay(batch: MiniBatch, event: number, hideOwn: boolean, random: Random): void {
    const first = batch.firstSlots[event]!;
    const end = batch.firstSlots[event + 1]!;
    const start = batch.firstEntries[first]!;
    const total = batch.firstEntries[end]! - start;
    if (total === 0) return;
    const entry = start + random.below(total);
    let slot = first;
    while (batch.firstEntries[slot + 1]! <= entry) slot++;
    const domain = batch.slotDomains[slot]!;
    const row = batch.entryRows[entry]!;
    this.begin(row, domain, batch.entryWeights[entry]!);
    // The event itself counts among the others here.
    const others = domain !== batch.domains[event] || hasOthers(batch, first, end, domain);
    const hidden = hideOwn && others ? domain : -1;
    this.addSlots(batch, event, first, end, row, hidden, random, true);
  }

  /** Begins an example. */
  private begin(row: number, target: number, weight: number): void {
    const { count } = this;
    if (count === this.rows.length) {
      this.rows = grown(this.rows, count + 1);
      this.targets = grown(this.targets, count + 1);
      this.weights = grown(this.weights, count + 1);
      this.slotsOf = grown(this.slotsOf, count + 1);
    }
    this.rows[count] = row;
    this.targets[count] = target;
    this.weights[count] = weight;
    this.slotsOf[count] = 0;
    this.count++;
  }

  /**
   * Adds the slots first .. end - 1 of an event to the example at hand, but for the domain that is
   * hidden, and the event itself where it is `replayed` beside others.
   */
  private addSlots(
    batch: MiniBatch,
    event: number,
    first: number,
    end: number,
    target: number,
    hidden: number,
    random: Random,
    replayed: boolean,
  ): void {
    const domain = batch.domains[event]!;
    const domainOfTarget = this.targets[this.count - 1]!;
    const now = batch.times[event]!;
    let liveIsIn = !replayed;
    for (let slot = first; slot < end; slot++) {
      const source = batch.slotDomains[slot]!;
      const live = !liveIsIn && source === domain;
      if (live) liveIsIn = true;
      if (source === hidden || this.trust?.of(source, domainOfTarget, hidden >= 0) === false)
        continue;
      this.entries.drop(slot, target, now, this.options.historyDropout, random);
      if (live) this.addLive(batch, event, target, random);
      this.endSlot(source, batch.slotCounts[slot]! + (live ? 1 : 0));
    }
    if (liveIsIn || domain === hidden) return;
    if (this.trust?.of(domain, domainOfTarget, hidden >= 0) === false) return;
    this.addLive(batch, event, target, random);
    this.endSlot(domain, 1);
  }

  /** The event itself as an entry. */
  private addLive(batch: MiniBatch, event: number, target: number, random: Random): void {
    const row = batch.rows[event]!;
    if (row === target || random.float() < this.options.historyDropout) return;
    this.entries.add(row, batch.weights[event]!, 0);
  }

  /** Closes the slot, unless nothing is left in it. */
  private endSlot(source: number, count: number): void {
    const { slots } = this;
    if (this.entries.length === this.offsets[slots]) return;
    if (slots === this.slotExample.length) {
      this.slotExample = grown(this.slotExample, slots + 1);
      this.slotSource = grown(this.slotSource, slots + 1);
      this.slotEvidence = grown(this.slotEvidence, slots + 1);
      this.offsets = grown(this.offsets, this.slotExample.length + 1);
    }
    this.slotExample[slots] = this.count - 1;
    this.slotSource[slots] = source;
    this.slotEvidence[slots] = Math.log1p(count);
    this.offsets[slots + 1] = this.entries.length;
    this.slotsOf[this.count - 1]!++;
    this.slots++;
  }
}

/** Whether an event's slots first .. end - 1 have another domain than this one among them. */
function hasOthers(batch: MiniBatch, first: number, end: number, domain: number): boolean {
  for (let slot = first; slot < end; slot++) if (batch.slotDomains[slot] !== domain) return true;
  return false;
}
