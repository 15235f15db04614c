import type { BasedOn } from '../online/types.js';
import { RecordCodec, type RecordCodecOptions } from './record.js';
import type {
  InputRange,
  ModelDeltaRecord,
  RecommendationList,
  SnapshotChunkRecord,
  SnapshotManifest,
  UserStateRecord,
} from './types.js';

/**
 * Codecs of the records that hold offsets: bigint in the program, long in Avro. Each wraps a
 * RecordCodec and converts at the edge.
 */
abstract class OffsetCodec<T, Raw> {
  readonly #codec: RecordCodec<Raw>;

  constructor(options: RecordCodecOptions) {
    this.#codec = new RecordCodec(options);
  }

  /** The schema id that is written. */
  get id(): number {
    return this.#codec.id;
  }

  /** Returns the bytes. Throws where the value is none of the schema (a bug of ours). */
  encode(value: T): Buffer {
    return this.#codec.encode(this.lower(value));
  }

  /** Returns the record. Errors: UndecodableError (UNDECODABLE_RECORD, fatal) with a reason. */
  decode(value: Buffer | null): T {
    return this.raise(this.#codec.decode(value));
  }

  protected abstract lower(value: T): Raw;
  protected abstract raise(raw: Raw): T;
}

type With<T, Changes> = Omit<T, keyof Changes> & Changes;

type RawBasedOn = With<BasedOn, { offset: number }>;

function lowerBasedOn(place: BasedOn): RawBasedOn {
  const { topic, partition, offset, occurredAtMs } = place;
  return { topic, partition, offset: Number(offset), occurredAtMs };
}

function raiseBasedOn(place: RawBasedOn): BasedOn {
  const { topic, partition, offset, occurredAtMs } = place;
  return { topic, partition, offset: BigInt(offset), occurredAtMs };
}

type RawList = With<RecommendationList, { basedOn: RawBasedOn }>;

export class RecommendationListCodec extends OffsetCodec<RecommendationList, RawList> {
  protected override lower(value: RecommendationList): RawList {
    return { ...value, basedOn: lowerBasedOn(value.basedOn) };
  }

  protected override raise(raw: RawList): RecommendationList {
    return { ...raw, basedOn: raiseBasedOn(raw.basedOn) };
  }
}

type RawUserState = With<
  UserStateRecord,
  { basedOn: RawBasedOn | null; answeredOffset: number; formatVersion: number }
>;

export class UserStateCodec extends OffsetCodec<UserStateRecord, RawUserState> {
  protected override lower(value: UserStateRecord): RawUserState {
    return {
      ...value,
      basedOn: value.basedOn === null ? null : lowerBasedOn(value.basedOn),
      answeredOffset: Number(value.answeredOffset),
    };
  }

  protected override raise(raw: RawUserState): UserStateRecord {
    return {
      ...raw,
      basedOn: raw.basedOn === null ? null : raiseBasedOn(raw.basedOn),
      answeredOffset: BigInt(raw.answeredOffset),
    };
  }
}

type RawInputs = With<InputRange, { firstOffset: number; nextOffset: number }>;
type RawDelta = With<ModelDeltaRecord, { inputs: RawInputs }>;

export class ModelDeltaCodec extends OffsetCodec<ModelDeltaRecord, RawDelta> {
  protected override lower(value: ModelDeltaRecord): RawDelta {
    const { firstOffset, nextOffset, ...rest } = value.inputs;
    const inputs = {
      ...rest,
      firstOffset: Number(firstOffset),
      nextOffset: Number(nextOffset),
    };
    return { ...value, inputs };
  }

  protected override raise(raw: RawDelta): ModelDeltaRecord {
    const { firstOffset, nextOffset, ...rest } = raw.inputs;
    const inputs = {
      ...rest,
      firstOffset: BigInt(firstOffset),
      nextOffset: BigInt(nextOffset),
    };
    return { ...raw, inputs };
  }
}

type RawManifest = With<
  SnapshotManifest,
  { deltaOffsets: readonly { topic: string; partition: number; offset: number }[] }
>;
type RawChunk = With<SnapshotChunkRecord, { manifest: RawManifest | null }>;

export class SnapshotChunkCodec extends OffsetCodec<SnapshotChunkRecord, RawChunk> {
  protected override lower(value: SnapshotChunkRecord): RawChunk {
    if (value.manifest === null) return { ...value, manifest: null };
    const deltaOffsets = value.manifest.deltaOffsets.map((place) => ({
      ...place,
      offset: Number(place.offset),
    }));
    return { ...value, manifest: { ...value.manifest, deltaOffsets } };
  }

  protected override raise(raw: RawChunk): SnapshotChunkRecord {
    if (raw.manifest === null) return { ...raw, manifest: null };
    const deltaOffsets = raw.manifest.deltaOffsets.map((place) => ({
      ...place,
      offset: BigInt(place.offset),
    }));
    return { ...raw, manifest: { ...raw.manifest, deltaOffsets } };
  }
}
