import type { Config } from '../config.js';
import { decodeDelta } from '../online/delta-codec.js';
import { Model } from '../online/model.js';
import type { ModelDeltaRecord } from '../serde/types.js';
import type { Watermarks } from '../transport/transport.js';
import type { Problems, ReplicaModel, VerifyReport } from './report.js';

/** A model that has to be that of the log; `name` null: of the newest snapshot and what follows it. */
export type ComparedModel = Omit<ReplicaModel, 'name'> & { readonly name: string | null };

interface Version {
  readonly sha256: string;
  readonly trainedEvents: number;
}

/**
 * The model that the deltas of the log add up to, and, by taking the newest away again, as it was at
 * lower offsets.
 */
export class ModelOfLog {
  readonly model: Model;
  /** Whether all deltas are there: none was deleted below a snapshot. */
  readonly whole: boolean;
  readonly #marks: readonly Watermarks[];
  readonly #keepFrom: readonly bigint[];
  readonly #tail: { partition: number; offset: bigint; payload: Buffer }[] = [];

  /** @param compared Models that will be asked for: the deltas after them are kept. */
  constructor(config: Config, marks: readonly Watermarks[], compared: readonly ComparedModel[]) {
    const { seed, dimension, initialScale } = config.learner;
    this.model = new Model({ seed, dimension, initialScale });
    this.whole = marks.every(({ low }) => low === 0n);
    this.#marks = marks;
    this.#keepFrom = marks.map(({ high }, partition) =>
      compared
        .map(({ deltaOffsets }) => deltaOffsets[partition] ?? 0n)
        .reduce((lowest, offset) => {
          if (offset < lowest) return offset;
          return lowest;
        }, high),
    );
  }

  /** A committed record of the delta topic at its partition and offset. */
  add(partition: number, offset: bigint, delta: ModelDeltaRecord): void {
    this.model.applyBytes(delta.payload);
    if (offset < this.#keepFrom[partition]!) return;
    this.#tail.push({ partition, offset, payload: delta.payload });
  }

  /** Of all deltas. */
  get all(): Version {
    return { sha256: this.model.digest(), trainedEvents: this.model.trainedEvents };
  }

  /** Whether these are the offsets at which the log was read to its end. */
  isEnd(offsets: readonly bigint[]): boolean {
    return this.#marks.every(({ high }, partition) => offsets[partition] === high);
  }

  /** Of all deltas below these offsets. */
  at(offsets: readonly bigint[]): Version {
    const above = this.#tail
      .filter(({ partition, offset }) => offset >= (offsets[partition] ?? 0n))
      .map(({ payload }) => decodeDelta(payload));
    for (const delta of above.toReversed()) this.model.revert(delta);
    const found = this.all;
    for (const delta of above) this.model.apply(delta);
    return found;
  }
}

/**
 * Compares models with the log at their own offsets; where deltas were deleted, with that of the
 * newest snapshot where both are at the same ones.
 */
export function compareModels(
  log: ModelOfLog,
  compared: readonly ComparedModel[],
  problems: Problems,
): { sha256: VerifyReport['sha256']; trainedEvents: number | null } {
  const snapshot = compared.find(({ name }) => name === null) ?? null;
  const replicas: Record<string, string> = {};
  for (const model of compared) {
    if (model.name !== null) replicas[model.name] = model.sha256;
    const wanted = log.whole ? log.at(model.deltaOffsets) : sameOffsets(snapshot, model);
    if (wanted === null) continue;
    if (wanted.sha256 === model.sha256 && wanted.trainedEvents === model.trainedEvents) continue;
    const what = model.name === null ? 'The newest snapshot' : `The replica ${model.name}`;
    problems.add(
      'models',
      `${what} has ${model.trainedEvents} events and the hash ${model.sha256} at ${model.deltaOffsets.join(', ')} of the deltas; the log gives ${wanted.trainedEvents} and ${wanted.sha256}`,
    );
  }
  const end = snapshot !== null && log.isEnd(snapshot.deltaOffsets) ? snapshot : null;
  return {
    sha256: {
      log: log.whole ? log.all.sha256 : null,
      snapshot: snapshot?.sha256 ?? null,
      replicas,
    },
    trainedEvents: log.whole ? log.model.trainedEvents : (end?.trainedEvents ?? null),
  };
}

function sameOffsets(snapshot: ComparedModel | null, model: ComparedModel): Version | null {
  if (snapshot === null) return null;
  const same = snapshot.deltaOffsets.every((offset, p) => offset === model.deltaOffsets[p]);
  return same ? snapshot : null;
}
