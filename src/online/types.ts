import type { Multiply } from './tower/products.js';

/**
 * The words that the rooms of the learner share. Shapes are row-major; `d` is the embedding size.
 */

/** A behaviour event as it came, decoded. */
export interface BehaviorEvent {
  readonly userId: string;
  readonly itemId: string;
  readonly domain: string;
  readonly action: string;
  readonly value: number | null;
  readonly occurredAtMs: number;
  readonly eventId: string | null;
}

/** What preprocessing makes of an accepted event. */
export interface Interaction {
  readonly domain: string;
  readonly itemId: string;
  /** In [0, 1]; 0: touched, but no sign of interest (a low rating): remembered, not trained. */
  readonly weight: number;
  readonly occurredAtMs: number;
}

/** Where a user's newest event stands in the log. */
export interface BasedOn {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly occurredAtMs: number;
}

/**
 * A change of the model: what one or more mini-batches add to it. Adding is exact, so deltas
 * commute, associate and can be subtracted (see grid.ts). Columns, one entry per touched row.
 */
export interface Delta {
  /** Events trained (accepted) in it: the model's version grows by this. */
  events: number;
  /** Touched items: keys `domain/itemId`, in order of first touch. */
  readonly items: {
    readonly keys: string[];
    /** Numbers of the rows in the model that computed it, while it is in the process. */
    readonly rows?: RowNumbers;
    /** Popularity: positive events of the item. */
    readonly counts: Int32Array;
    /** (n, d + 1) multiples of the weight grid: embedding, then bias. */
    readonly values: Int32Array;
    /** (n, 2) multiples of the accumulator grid: of the embedding, of the bias. */
    readonly accumulators: Float64Array;
  };
  /** Touched dense blocks (W, A, gate, R, prior ...), whole. */
  readonly blocks: readonly BlockDelta[];
  /** What was seen together; left out where nothing was. */
  readonly neighbours?: NeighbourDelta;
  /** What became known of items beside behaviour; left out where nothing did. */
  readonly content?: ContentDelta;
}

/** Numbers of rows, good as long as the model that gave them has the same numbering. */
export interface RowNumbers {
  /** (n) */
  readonly numbers: Int32Array;
  /** Nothing but itself: another one whenever numbers go to other rows. */
  readonly numbering: object;
}

/** What is added to the content of items (content/store.ts): what it is less what it was. */
export interface ContentDelta {
  /** `domain/itemId` */
  readonly keys: readonly string[];
  /** (n, C) multiples of the weight grid. */
  readonly values: Int32Array;
  /** (n) numbers of main categories. */
  readonly categories: Int32Array;
  /** (n, 64) features (content/sparse.ts), modulo 2^16; left out where none change. */
  readonly features?: Uint16Array;
}

/** What is added to the counts c(i→j) of items seen together (wide/neighbours.ts). */
export interface NeighbourDelta {
  /** Added to c(from→to) and to c(to→from). */
  readonly both: PairColumns;
  /** Added to c(from→to) alone: what is evicted, below 0. */
  readonly oneWay: PairColumns;
}

/** Pairs of items of a delta, each once: places in its `keys`, and what is added. */
export interface PairColumns {
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly counts: Int32Array;
}

export interface BlockDelta {
  /** As blocks.ts names them: `W/<domain>`, `A/<source>/<target>` ... */
  readonly key: string;
  /** (rows, width) multiples of the weight grid. */
  readonly values: Int32Array;
  /** (rows) multiples of the accumulator grid. */
  readonly accumulators: Float64Array;
}

/**
 * A batch for the dense tower. A *slot* is one source domain of one example: an example with
 * history in three domains has three slots. Slots of one example are adjacent.
 */
export interface TowerInput {
  readonly examples: number;
  /** (examples) index of the target domain. */
  readonly targets: Int32Array;
  readonly slots: number;
  /** (slots) */
  readonly slotExample: Int32Array;
  /** (slots) index of the source domain. */
  readonly slotSource: Int32Array;
  /** (slots) log(1 + n_{u,s}): evidence for the gate. */
  readonly slotEvidence: Float32Array;
  /** (slots, d) what the encoder made of the history in the source domain. */
  readonly x: Float32Array;
}

/** One pass through the tower; holds what the way back needs until `dispose`. */
export interface TowerPass {
  /** (examples, d): W_r z + b_r, to be multiplied with item embeddings. Zero for no slots: b_r. */
  readonly query: Float32Array;
  /** (slots) gate weights; sum to 1 over the slots of an example. */
  readonly gate: Float32Array;
  /**
   * From dLoss/dquery (examples, d) to dLoss/dx (slots, d) and dLoss/dblock by key. `wanted` says of a
   * matrix that so many slots (examples, for the last one) met whether its gradient is asked for.
   */
  backward(
    dQuery: Float32Array,
    wanted?: (key: string, slots: number) => boolean,
  ): { dx: Float32Array; blocks: Map<string, Float32Array> };
  dispose(): void;
}

/** Reads dense blocks by key; a block that is not there yet has its initial value (identity, zero). */
export interface DenseParameters {
  readonly dimension: number;
  domainName(index: number): string;
  /** (rows, width) current values. Never written by the reader. */
  block(key: string): Float32Array;
}

/** The dense part W -> A -> gate -> W_r, on some backend. Pure: depends on its arguments alone. */
export interface Tower {
  /** `tensorflow` (tfjs-node), `wasm`, `cpu`, `simd` (our kernels), or `plain` (typed arrays). */
  readonly backend: string;
  /** Products on the same backend, for encoders. */
  readonly multiply: Multiply<Float32Array>;
  forward(input: TowerInput, parameters: DenseParameters): TowerPass;
}

/** A place in a list. */
export interface RecommendedItem {
  readonly itemId: string;
  readonly score: number;
  /** What of the user's history weighed most, that first; left out where nothing of it did. */
  readonly because?: readonly Touched[];
}

/** An item that the user has touched. */
export interface Touched {
  readonly itemId: string;
  readonly domain: string;
}

/** A list for one user in one domain. */
export interface Recommendation {
  readonly userId: string;
  readonly domain: string;
  readonly items: readonly RecommendedItem[];
  /** Gate weights by source domain (the target itself among them), largest first; sum to 1, or empty. */
  readonly transfer: readonly { readonly fromDomain: string; readonly weight: number }[];
}

/** What test-then-train found for one event. */
export interface PrequentialSample {
  readonly domain: string;
  /** By events that the user had had in the domain. */
  readonly bucket: '0' | '1-4' | '5-19' | '20+';
  /** By events that the item had had. */
  readonly itemBucket: PrequentialSample['bucket'];
  /** Of the true item among the candidates, 0 is best, ties counted against us. */
  readonly rank: number;
  readonly popularityRank: number;
  readonly candidates: number;
  readonly logLoss: number;
  readonly auc: number;
  /**
   * The rank by what the user did in the event's domain alone, among the same candidates: the difference
   * is what transfer wins. Left out where that is all that is known, and for three events in four.
   */
  readonly apartRank?: number;
  /** Ranks by the rivals (rivals.ts), in their order, ties against each; left out where there are none. */
  readonly rivals?: readonly number[];
}
