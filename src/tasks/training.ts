import { IsthmusError } from '../errors.js';
import { deltaFault } from '../online/delta.js';
import type { Engine, EngineInput, EngineResult } from '../online/engine.js';
import type { TopicPartition } from '../transport/transport.js';
import { type CycleDeltas, UserOverlay } from './cycle.js';

interface TrainingParts {
  readonly engine: Engine;
  readonly users: UserOverlay;
  readonly deltas: CycleDeltas;
  readonly place: TopicPartition & { readonly partitions?: number };
}

/** So many events that all fail are not to blame for it. */
const MANY = 16;

/** What became of a span of events, in the order of the events. */
export interface SpanOutcome<T extends EngineInput> {
  readonly results: readonly {
    readonly inputs: readonly T[];
    readonly result: EngineResult;
    readonly seconds: number;
  }[];
  /** Events that make the learner fail, with the error. */
  readonly poison: readonly { readonly input: T; readonly error: unknown }[];
}

/**
 * Trains a mini-batch: its delta is in the table and its users are in `users` afterwards.
 *
 * Where the learner throws, or the delta is not finite, the batch is halved until the event at fault
 * stands alone; that one is poison (a dead letter), the rest is learned. Nothing of a failed attempt
 * stays.
 *
 * Errors (fatal): LEARNER_FAILED where each one of many events is at fault: then it is not the events,
 * and nothing of them is set aside.
 */
export function trainSpan<T extends EngineInput>(
  inputs: readonly T[],
  parts: TrainingParts,
): SpanOutcome<T> {
  const outcome = bisect(inputs, parts);
  const [first] = outcome.poison;
  if (first === undefined || outcome.poison.length < Math.max(inputs.length, MANY)) return outcome;
  throw new IsthmusError(
    'LEARNER_FAILED',
    'fatal',
    `each of ${inputs.length} events makes the learner fail, so it is the learner or the machine; nothing of them is lost. The first one`,
    { cause: first.error, place: { ...parts.place, offset: first.input.offset } },
  );
}

function bisect<T extends EngineInput>(inputs: readonly T[], parts: TrainingParts): SpanOutcome<T> {
  if (inputs.length === 0) return { results: [], poison: [] };
  const overlay = new UserOverlay(parts.users);
  const begin = performance.now();
  try {
    const result = parts.engine.train(inputs, parts.place, overlay);
    const fault = deltaFault(result.delta);
    if (fault !== null) {
      throw new IsthmusError(
        'DELTA_NOT_FINITE',
        'dead-letter',
        `the delta cannot be added: ${fault}`,
      );
    }
    parts.deltas.add(result.delta);
    parts.users.keep(overlay);
    return {
      results: [{ inputs, result, seconds: (performance.now() - begin) / 1000 }],
      poison: [],
    };
  } catch (error) {
    if (error instanceof IsthmusError && error.disposition === 'fatal') throw error;
    if (inputs.length === 1) return { results: [], poison: [{ input: inputs[0]!, error }] };
    const middle = inputs.length >> 1;
    const left = bisect(inputs.slice(0, middle), parts);
    const right = bisect(inputs.slice(middle), parts);
    return {
      results: [...left.results, ...right.results],
      poison: [...left.poison, ...right.poison],
    };
  }
}
