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
 * Makes the examples of a mini-batch. For each event:
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
export function makeExamples(batch: MiniBatch, options: ExampleOptions, random: Random): Examples {
  const builder = new ExampleBuilder(options, random);
  for (const event of batch.events) builder.addEvent(event);
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
  private readonly entryAges: number[] = [];

  constructor(options: ExampleOptions, random: Random) {
    this.options = options;
    this.random = random;
  }

  addEvent(event: CapturedEvent): void {
    const { ownDomainDropout, singleSource, replay } = this.options;
    const { random } = this;
    const { row, domain, weight, slots } = event;
    const single = random.float() < singleSource && slots.length > 1;
    const seen = single ? { ...event, slots: [slots[random.below(slots.length)]!] } : event;
    this.add(seen, row, domain, weight, false);
    if (hasOthers(event, domain) && random.float() < ownDomainDropout) {
      this.add(event, row, domain, weight, true);
    }
    for (let i = 0; i < replay; i++) this.replay(event, random.float() < ownDomainDropout);
  }

  build(): Examples {
    return {
      count: this.rows.length,
      rows: new Int32Array(this.rows),
      targets: new Int32Array(this.targets),
      weights: new Float32Array(this.weights),
      slotsOf: new Int32Array(this.slotsOf),
      slotExample: new Int32Array(this.slotExample),
      slotEvidence: new Float32Array(this.slotEvidence),
      histories: {
        slots: this.slotSource.length,
        offsets: new Int32Array(this.offsets),
        rows: new Int32Array(this.entryRows),
        weights: new Float32Array(this.entryWeights),
        ages: new Float64Array(this.entryAges),
        sources: new Int32Array(this.slotSource),
      },
    };
  }

  /** An example for one of the user's earlier positives, drawn uniformly; none if there are none. */
  private replay(event: CapturedEvent, hideOwn: boolean): void {
    let total = 0;
    for (const slot of event.slots) total += slot.rows.length;
    if (total === 0) return;
    let drawn = this.random.below(total);
    for (const { rows, weights, domain } of event.slots) {
      if (drawn < rows.length) {
        // The event itself counts among the others here.
        const hide = hideOwn && (domain !== event.domain || hasOthers(event, domain));
        this.add(event, rows[drawn]!, domain, weights[drawn]!, hide, true);
        return;
      }
      drawn -= rows.length;
    }
  }

  private add(
    event: CapturedEvent,
    row: number,
    target: number,
    weight: number,
    hideOwn: boolean,
    replayed = false,
  ): void {
    const example = this.rows.length;
    this.rows.push(row);
    this.targets.push(target);
    this.weights.push(weight);
    this.slotsOf.push(0);
    let liveIsIn = !replayed;
    const now = event.occurredAtMs;
    for (const { domain, count, rows, weights, times } of event.slots) {
      const live = !liveIsIn && domain === event.domain;
      if (live) liveIsIn = true;
      if (hideOwn && domain === target) continue;
      for (let k = 0; k < rows.length; k++) {
        this.entry(rows[k]!, weights[k]!, now - times[k]!, row);
      }
      if (live) this.entry(event.row, event.weight, 0, row);
      this.endSlot(example, domain, live ? count + 1 : count);
    }
    if (!liveIsIn && !(hideOwn && event.domain === target)) {
      this.entry(event.row, event.weight, 0, row);
      this.endSlot(example, event.domain, 1);
    }
  }

  private entry(row: number, weight: number, ageMs: number, target: number): void {
    if (row === target || this.random.float() < this.options.historyDropout) return;
    this.entryRows.push(row);
    this.entryWeights.push(weight);
    this.entryAges.push(Math.max(0, ageMs));
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

/** Whether the user has a history in another domain than this one. */
function hasOthers(event: CapturedEvent, domain: number): boolean {
  for (const slot of event.slots) if (slot.domain !== domain) return true;
  return false;
}
