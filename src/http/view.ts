import type { LikenessWeights } from '../online/content/likeness.js';
import type { Recommendation } from '../online/types.js';

/** Whether lists of one domain look at another one. */
export interface TrustView {
  readonly from: string;
  readonly to: string;
  readonly users: 'new' | 'known';
  readonly trusted: boolean;
  /** Gain of looking at it, in standard errors; 0 where nothing is known. */
  readonly standardErrors: number;
}

/** Which mapping users of one domain go through who are new in another. */
export interface WayView {
  readonly from: string;
  readonly to: string;
  /** Whether it is the one that is fitted, and not A. */
  readonly fitted: boolean;
}

/** What is learned of how a domain's scores are blended. */
export interface BlendView {
  readonly domain: string;
  /** What popularity weighs more by a user's leaning (online/stacking/stack.ts). */
  readonly leaning: number;
  /** What likeness weighs more than is set, by kind (online/content/likeness.ts). */
  readonly likeness: LikenessWeights;
  /** What weights are multiplied by (online/stacking/deviations.ts). */
  readonly weights: readonly BlendWeightView[];
}

/** What the weight of one part of scores is learned to be, as a multiple of what is set. */
export interface BlendWeightView {
  /** The domain in which users who are new liked most; empty for users who have been there. */
  readonly source: string;
  /** Events in the domain: 0, 1-4, 5-19, 20+. */
  readonly bucket: string;
  readonly part: string;
  readonly factor: number;
}

/**
 * All that HTTP and metrics know about the service: reads only, from memory, without side effects.
 * Everything but `model` and `recommendations` is called at each scrape and has to be cheap. The
 * arrays and objects that come back are not kept and not written to.
 */
export interface ServiceView {
  /** The application id, as in the `app` of the diagnostics. */
  readonly app: string;
  /** Of the package. */
  readonly version: string;
  readonly startedAtMs: number;
  /** What the tower runs on: `tensorflow`, `wasm`, `cpu`; empty while it is not chosen yet. */
  backend(): string;
  /** Whether it can serve; the reason (a sentence for people) where not: restoring, cut off ... */
  readiness(): Readiness;
  /** Whether it should be left alive. Not the same as ready: false only where a restart would help. */
  health(): Readiness;

  /** Events trained into the table at hand: the version of the model. */
  trainedEvents(): number;
  /** Next offset to be read of each partition of the delta topic, by partition. */
  deltaOffsets(): readonly bigint[];
  /**
   * The committed model (table - not yet read back), all three as of one moment. Costly on big
   * models (sorts and hashes all rows): callers go through `ModelDigest`, which asks seldom.
   */
  model(): ModelState | Promise<ModelState>;
  /** Domains met so far. */
  domains(): readonly string[];
  /** Rows of the item table, by domain. */
  items(): readonly { readonly domain: string; readonly rows: number }[];
  /** Users whose state is held here. */
  users(): number;
  /** Bytes that the tables hold, by table: `items`, `users`, `blocks`, `cooccurrence` ... */
  tableBytes(): readonly { readonly table: string; readonly bytes: number }[];
  /** Frobenius norms of A - I by ordered pair of domains: how far each mapping has moved. */
  transferNorms(): readonly { readonly from: string; readonly to: string; readonly norm: number }[];
  /** What is held of each source of each other domain, by whether users are new in the target or known there. */
  trust(): readonly TrustView[];
  /** Of all pairs; empty where no mapping is fitted. */
  ways(): readonly WayView[];
  /** What is learned of the blend of each domain's scores. */
  blend(): readonly BlendView[];
  /** Days after which an entry of a history counts half, by domain; 0: it never fades. */
  halfLives(): readonly { readonly domain: string; readonly days: number }[];

  /** The tasks of this process, also those that are closing. */
  tasks(): readonly TaskView[];
  /**
   * Up to `n` items for the user in the domain, or one list for each domain where none is named.
   * An unknown user gets popularity (and an empty `transfer`); an unknown domain gets no list.
   * May throw an IsthmusError: with disposition `retry` it becomes a 503 with Retry-After.
   */
  recommendations(
    userId: string,
    domain: string | undefined,
    n: number,
  ): readonly Recommendation[] | Promise<readonly Recommendation[]>;
  /** Where questions about the user are answered; left out, all are answered here. */
  place?(userId: string): UserPlace;
  /**
   * Records that our standby of the user's partition has not read yet. May throw an IsthmusError
   * with disposition `retry`.
   */
  standbyLag?(userId: string): Promise<number>;
  /** The processes of the application, as the group tells of them. */
  instances?(): readonly InstanceView[];
  /** The partitions that this process follows without having them. */
  standbys?(): readonly StandbyView[];
  /** The item's title, where one is known. For people only. */
  title?(domain: string, itemId: string): string | undefined;
}

/** `reason` is empty where `ok`. */
export interface Readiness {
  readonly ok: boolean;
  readonly reason: string;
}

/** What `GET /model` and `isthmus digest --json` answer; offsets are by partition. */
export interface ModelState {
  readonly trainedEvents: number;
  readonly deltaOffsets: readonly bigint[];
  /** Lower-case hex. */
  readonly sha256: string;
}

export interface UserPlace {
  readonly partition: number;
  /** What this process is to it. `moving`: it is ours, and not running. */
  readonly role: 'owner' | 'moving' | 'standby' | 'none';
  /** Addresses of the others that may answer: the owner's first. */
  readonly others: readonly string[];
}

export interface InstanceView {
  readonly id: string;
  readonly url: string;
  readonly self: boolean;
  readonly partitions: readonly { readonly topic: string; readonly partition: number }[];
}

export interface StandbyView {
  readonly partition: number;
  /** The next offset of the user changelog to be read. */
  readonly position: bigint;
  readonly lagRecords: number;
  readonly users: number;
}

export interface TaskView {
  readonly topic: string;
  readonly partition: number;
  /** created, fencing, restoring, running, closing, closed. */
  readonly state: string;
  /** The next offset to be read, null before the task knows. */
  readonly position: bigint | null;
  /** Records from there to the high watermark, null before the first fetch. */
  readonly lagRecords: number | null;
  readonly users: number;
}
