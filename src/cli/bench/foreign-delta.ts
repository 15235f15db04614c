import { mergeDeltas } from '../../online/delta.js';
import { decodeDelta, encodeDelta } from '../../online/delta-codec.js';
import type { Tower } from '../../online/types.js';
import { emptyModel, learnWorld, MINI_BATCH, Treadmill } from './learning.js';
import { takeTurns } from './measure.js';

/** Seconds of CPU per event. */
export interface ForeignDeltaCost {
  /** Decoding the delta of a transaction of another process and adding it to the table. */
  readonly applied: number;
  /** Capturing and learning the mini-batches that it is made of. */
  readonly computed: number;
}

/** Measures what the delta of a transaction of so many mini-batches costs who reads it, and who makes it. */
export function foreignDelta(tower: Tower, batches: number): ForeignDeltaCost {
  const { lastDeltas, model } = learnWorld(tower, {
    itemsPerDomain: 1_000,
    events: 20_000,
    keepDeltas: batches,
  });
  const bytes = encodeDelta(mergeDeltas(lastDeltas));
  const treadmill = new Treadmill(tower, {});
  const replica = emptyModel();
  for (let i = 0; i < model.items.size; i++) {
    replica.intern(model.domainName(model.domainOf(i)), model.itemId(i));
  }
  const seconds = takeTurns([
    {
      name: 'compute',
      run: () => {
        for (let i = 0; i < batches; i++) treadmill.learn();
        return batches * MINI_BATCH;
      },
    },
    {
      name: 'apply',
      run: () => {
        // There and back, so that the weights stay what they are however long it takes.
        const read = decodeDelta(bytes);
        replica.apply(read);
        const again = decodeDelta(bytes);
        replica.revert(again);
        return 2 * read.events;
      },
    },
  ]);
  return { applied: seconds.get('apply')!, computed: seconds.get('compute')! };
}
