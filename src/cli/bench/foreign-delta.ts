import { mergeDeltas } from '../../online/delta.js';
import { encodeDelta } from '../../online/delta-codec.js';
import type { Delta, PairColumns, Tower } from '../../online/types.js';
import { emptyModel, LearnedStream, MINI_BATCH } from './learning.js';
import { takeTurns } from './measure.js';

/** Learned before anything is measured: most lists of neighbours are as long as they become. */
const LEARNED_BATCHES = 160;

/** Seconds of CPU per event. */
export interface ForeignDeltaCost {
  /** Adding the bytes of the delta of a transaction of another process to the table. */
  readonly applied: number;
  /** Making such a delta: learning mini-batches of the same stream and coalescing what they change. */
  readonly computed: number;
}

/**
 * Measures what the delta of a transaction of so many mini-batches costs who reads it, and who makes it. The
 * reader has all that came before, so both have the same model.
 */
export function foreignDelta(tower: Tower, batches: number): ForeignDeltaCost {
  const stream = new LearnedStream(tower, 1_000);
  const replica = emptyModel();
  const last: Delta[] = [];
  for (let i = 0; i < LEARNED_BATCHES; i++) {
    const delta = stream.learn();
    stream.model.apply(delta);
    replica.applyBytes(encodeDelta(delta));
    last.push(delta);
    if (last.length > batches) last.shift();
  }
  const delta = mergeDeltas(last);
  const there = encodeDelta(delta);
  const back = encodeDelta(negated(delta));
  stream.draw(400);
  const seconds = takeTurns([
    {
      name: 'compute',
      run: () => {
        const deltas = Array.from({ length: batches }, () => stream.learn());
        mergeDeltas(deltas);
        return batches * MINI_BATCH;
      },
    },
    {
      name: 'apply',
      run: () => {
        // There and back, so that the weights stay what they are however long it takes.
        replica.applyBytes(there);
        replica.applyBytes(back);
        return 2 * batches * MINI_BATCH;
      },
    },
  ]);
  return { applied: seconds.get('apply')!, computed: seconds.get('compute')! };
}

/** The delta that takes away what this one adds. */
function negated({ items, blocks, neighbours }: Delta): Delta {
  const columns = ({ from, to, counts }: PairColumns): PairColumns => ({
    from,
    to,
    counts: counts.map((count) => -count),
  });
  const changes = <T extends { values: Int32Array; accumulators: Float64Array }>(of: T): T => ({
    ...of,
    values: of.values.map((value) => -value),
    accumulators: of.accumulators.map((value) => -value),
  });
  return {
    // A number of events is never below 0.
    events: 0,
    items: { ...changes(items), counts: items.counts.map((count) => -count) },
    blocks: blocks.map(changes),
    ...(neighbours === undefined
      ? {}
      : { neighbours: { both: columns(neighbours.both), oneWay: columns(neighbours.oneWay) } }),
  };
}
