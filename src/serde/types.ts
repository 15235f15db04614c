import type { BasedOn } from '../online/types.js';

/**
 * What the records of the topics look like in the program. Times are in milliseconds since the
 * epoch (`...Ms`; in Avro without the suffix, as timestamp-millis). Offsets of the log are bigint,
 * all other Avro longs are numbers; both are exact from -2^52 to 2^53 - 2, and what lies outside is
 * not encoded, and `invalid-body` when read.
 */

/** What a catalogue says of an item. */
export interface Item {
  readonly itemId: string;
  readonly domain: string;
  readonly title: string | null;
  /** The main one first. */
  readonly categories: readonly string[];
  readonly tags: readonly string[];
  readonly text: string | null;
  /** By name. */
  readonly vectors: Readonly<Record<string, readonly number[]>>;
}

/** A list for one user in one domain, with its lineage. */
export interface RecommendationList {
  readonly userId: string;
  readonly domain: string;
  /** Best first. */
  readonly items: readonly {
    readonly itemId: string;
    readonly score: number;
    /** What of the user's history weighed most, that first. */
    readonly because: readonly { readonly itemId: string; readonly domain: string }[];
  }[];
  /** Events trained into the model. */
  readonly modelVersion: number;
  readonly basedOn: BasedOn;
  /** Gate weights, largest first; empty for a list by popularity. */
  readonly transfer: readonly { readonly fromDomain: string; readonly weight: number }[];
  readonly generatedAtMs: number;
}

export interface HistoryRecord {
  readonly domain: string;
  /** Positive events ever in the domain. */
  readonly count: number;
  /** Oldest first. */
  readonly entries: readonly {
    readonly itemId: string;
    /** In [0, 1], a float32 (so that it comes back bit for bit). */
    readonly weight: number;
    readonly occurredAtMs: number;
  }[];
}

/** All that is kept of a user. */
export interface UserStateRecord {
  readonly formatVersion: number;
  readonly userId: string;
  readonly histories: readonly HistoryRecord[];
  readonly basedOn: BasedOn | null;
  /** -1 for none. */
  readonly answeredOffset: bigint;
  /** 0 for never. */
  readonly lastListAtMs: number;
  /** occurredAtMs / 60000, floored. */
  readonly minute: number;
  readonly minuteCount: number;
  /** In order of arrival; `hash` below 2^53. */
  readonly recentEventIds: readonly { readonly hash: number; readonly occurredAtMs: number }[];
}

/** The input offsets of a transaction: [firstOffset, nextOffset). */
export interface InputRange {
  readonly topic: string;
  readonly partition: number;
  readonly firstOffset: bigint;
  readonly nextOffset: bigint;
  /** Records in the range; fewer than its length where there are gaps. */
  readonly records: number;
}

/** What a transaction (or a part of it) adds to the model. */
export interface ModelDeltaRecord {
  readonly formatVersion: number;
  readonly app: string;
  /** `<input topic>-<partition>` */
  readonly task: string;
  readonly process: string;
  readonly sequence: number;
  readonly part: number;
  readonly parts: number;
  readonly inputs: InputRange;
  /** Trained in this part. */
  readonly events: number;
  readonly payload: Buffer;
}

export interface SnapshotManifest {
  readonly trainedEvents: number;
  readonly sha256: string;
  /** The options of the model: it can be loaded into no other. */
  readonly dimension: number;
  readonly seed: number;
  readonly initialScale: number;
  readonly rows: number;
  /** Of all payloads together. */
  readonly bytes: number;
  readonly chunkSha256: readonly string[];
  readonly deltaOffsets: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly offset: bigint;
  }[];
  readonly createdAtMs: number;
}

/** A piece of a snapshot, or its manifest. */
export interface SnapshotChunkRecord {
  readonly formatVersion: number;
  readonly app: string;
  readonly snapshot: string;
  readonly chunk: number;
  readonly payload: Buffer;
  readonly manifest: SnapshotManifest | null;
}

/** The format that this version writes, for state, deltas and snapshots alike. */
export const FORMAT_VERSION = 1;
