import type { Histories } from './encoders/encoder.js';
import type { CapturedEvent, MiniBatch } from './minibatch.js';
import type { Random } from './random.js';

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
 * Makes the examples of a mini-batch: for each event the event itself, and `replay` positives drawn
 * from the user's own rings, each beside the histories that are left after
 *
 * - the target itself is taken out, wherever it stands;
 * - with probability `ownDomainDropout` the target's own domain is hidden from users who have others,
 *   since that is what a user who is new there looks like; else with probability `singleSource` all domains but one are;
 * - each entry that is left is dropped with probability `historyDropout`, so that histories of all
 *   lengths are seen.
 *
 * For a replayed target the event itself is one more entry of its domain's history.
 */
export function makeExamples(batch: MiniBatch, options: ExampleOptions, random: Random): Examples {
  const builder = new ExampleBuilder(options, random);
  for (const event of batch.events) {
    builder.add(event, event.row, event.domain, event.weight, false);
    for (let i = 0; i < options.replay; i++) builder.replay(event);
  }
  return builder.build();
}

class ExampleBuilder {
  private readonly options: ExampleOptions;
  private readonly random: Random;
  private readonly rows: number[] = [];
  private readonly targets: number[] = [];
  private readonly weights: number[] = [];
  private readonly slotsOf: number[] = [];
  private readonly slotExample: number[] = [];
  private readonly slotSource: number[] = [];
  private readonly slotEvidence: number[] = [];
  private readonly offsets: number[] = [0];
  private readonly entryRows: number[] = [];
  private readonly entryWeights: number[] = [];

  constructor(options: ExampleOptions, random: Random) {
    this.options = options;
    this.random = random;
  }

  /** An example for one of the user's earlier positives, drawn uniformly; none if there are none. */
  replay(event: CapturedEvent): void {
    let total = 0;
    for (const slot of event.slots) total += slot.rows.length;
    if (total === 0) return;
    let drawn = this.random.below(total);
    for (const slot of event.slots) {
      if (drawn < slot.rows.length) {
        this.add(event, slot.rows[drawn]!, slot.domain, slot.weights[drawn]!, true);
        return;
      }
      drawn -= slot.rows.length;
    }
  }

  add(event: CapturedEvent, row: number, target: number, weight: number, replayed: boolean): void {
    const example = this.rows.length;
    this.rows.push(row);
    this.targets.push(target);
    this.weights.push(weight);
    this.slotsOf.push(0);
    const { ownDomainDropout, singleSource } = this.options;
    const others = event.slots.some((slot) => slot.domain !== target);
    const hideOwn = this.random.float() < ownDomainDropout && others;
    const single = !hideOwn && this.random.float() < singleSource;
    const only = single ? this.random.below(event.slots.length) : -1;
    let liveIsIn = !replayed;
    for (let i = 0; i < event.slots.length; i++) {
      const slot = event.slots[i]!;
      if (single && i !== only) continue;
      if (hideOwn && slot.domain === target) continue;
      for (let k = 0; k < slot.rows.length; k++) {
        this.entry(slot.rows[k]!, slot.weights[k]!, row);
      }
      let count = slot.count;
      if (slot.domain === event.domain && !liveIsIn) {
        liveIsIn = true;
        count++;
        this.entry(event.row, event.weight, row);
      }
      this.endSlot(example, slot.domain, count);
    }
    if (!liveIsIn && !single && !(hideOwn && event.domain === target)) {
      if (event.slots.every((slot) => slot.domain !== event.domain)) {
        this.entry(event.row, event.weight, row);
        this.endSlot(example, event.domain, 1);
      }
    }
  }

  build(): Examples {
    return {
      count: this.rows.length,
      rows: Int32Array.from(this.rows),
      targets: Int32Array.from(this.targets),
      weights: Float32Array.from(this.weights),
      slotsOf: Int32Array.from(this.slotsOf),
      slotExample: Int32Array.from(this.slotExample),
      slotEvidence: Float32Array.from(this.slotEvidence),
      histories: {
        slots: this.slotSource.length,
        offsets: Int32Array.from(this.offsets),
        rows: Int32Array.from(this.entryRows),
        weights: Float32Array.from(this.entryWeights),
        sources: Int32Array.from(this.slotSource),
      },
    };
  }

  private entry(row: number, weight: number, target: number): void {
    if (row === target || this.random.float() < this.options.historyDropout) return;
    this.entryRows.push(row);
    this.entryWeights.push(weight);
  }

  /** Closes the slot, unless nothing is left in it. */
  private endSlot(example: number, source: number, count: number): void {
    if (this.entryRows.length === this.offsets.at(-1)) return;
    this.offsets.push(this.entryRows.length);
    this.slotExample.push(example);
    this.slotsOf[example]!++;
    this.slotSource.push(source);
    this.slotEvidence.push(Math.log1p(count));
  }
}
