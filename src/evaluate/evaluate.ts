import { setImmediate as breathe } from 'node:timers/promises';
import type { Config } from '../config.js';
import type { HistoryBucket, PrequentialMeans } from '../online/prequential-summary.js';
import { createTower } from '../online/tower/backend.js';
import type { BehaviorEvent } from '../online/types.js';
import type { MakeBaseline } from './baselines/index.js';
import { type ColdStartResult, scoreColdStart } from './cold-start.js';
import type { CurveOptions } from './curve.js';
import { type Figures, figuresOf } from './figures.js';
import { type CatalogueItem, Pass } from './pass.js';

export interface EvaluateOptions {
  readonly config: Config;
  /** In the order of the stream, many at once. */
  readonly events: AsyncIterable<readonly BehaviorEvent[]> | Iterable<readonly BehaviorEvent[]>;
  /** The most that are taken. */
  readonly limit?: number;
  /** Whether each event is foreseen before it is learned. */
  readonly prequential: boolean;
  /** Files of users who are new to a domain, scored at the end. */
  readonly coldStart: readonly string[];
  /** Scored beside ours; default none. */
  readonly baselines?: readonly MakeBaseline[];
  /** What is known of items before the first event; default nothing. */
  readonly items?: readonly CatalogueItem[];
  /** How the curve is kept; default: not at all. */
  readonly curve?: CurveOptions;
  readonly onProgress?: (events: number) => void;
  /** Ends the pass early; what was learned until then is told. */
  readonly signal?: AbortSignal;
}

/** Of positive events: the true item among 999 random ones of its domain, ties against us. */
export interface EventFigures extends Figures {
  readonly events: number;
}

/** What one pass came to. */
export interface Evaluation {
  readonly events: number;
  /** Of the pass, reading the file included; cold-start files are not. */
  readonly seconds: number;
  readonly eventsPerSecond: number;
  readonly backend: string;
  /** Events that were not learned, by reason. */
  readonly left: Readonly<Record<string, number>>;
  /** Over all domains; left out where nothing was foreseen. */
  readonly total?: EventFigures;
  readonly domains: readonly (EventFigures & { readonly domain: string })[];
  /** By events that the user had had in the item's domain, over all domains. */
  readonly history: readonly (EventFigures & { readonly bucket: HistoryBucket })[];
  /** By events that the item had had: new ones first. */
  readonly items: readonly (EventFigures & { readonly bucket: HistoryBucket })[];
  /** By domain, and by events that the user had had there. */
  readonly buckets: readonly (EventFigures & {
    readonly domain: string;
    readonly bucket: HistoryBucket;
  })[];
  readonly digest: { readonly trainedEvents: number; readonly sha256: string };
  /** Only where files were given. */
  readonly coldStart?: readonly ColdStartResult[];
  /** CSV (see Curve); only where it was asked for. */
  readonly curve?: string;
}

/**
 * Learns a stream in one pass, test-then-train, and tells how good and how fast it was. The same
 * events, settings and seed give the same digest and the same figures (but for the time).
 *
 * Errors: those of the events' source; CSV_INVALID (usage) for a cold-start file; BACKEND_UNAVAILABLE;
 * DELTA_NOT_FINITE (fatal) where the learning ran away.
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const { config, coldStart } = options;
  const { tower, backend } = await createTower(config.backend, config.learner.phi);
  const pass = new Pass(tower, {
    learner: config.learner,
    preprocess: config,
    topic: config.inputTopic,
    prequential: options.prequential,
    ...(options.baselines === undefined ? {} : { baselines: options.baselines }),
    ...(options.curve === undefined ? {} : { curve: options.curve }),
    ...(options.items === undefined ? {} : { items: options.items }),
  });
  const begin = performance.now();
  await learnAll(pass, options);
  const seconds = (performance.now() - begin) / 1000;
  const cold: ColdStartResult[] = [];
  for (const file of coldStart) cold.push(...(await scoreColdStart(pass, file)));
  return {
    events: pass.events,
    seconds,
    eventsPerSecond: pass.events / Math.max(seconds, 1e-9),
    backend,
    left: Object.fromEntries([...pass.left].sort()),
    ...foreseen(pass),
    digest: { trainedEvents: pass.model.trainedEvents, sha256: pass.model.digest() },
    ...(coldStart.length === 0 ? {} : { coldStart: cold }),
    ...(pass.curve === null ? {} : { curve: pass.curve.csv() }),
  };
}

function foreseen({
  summary,
  baselineNames,
}: Pass): Pick<Evaluation, 'total' | 'domains' | 'history' | 'items' | 'buckets'> {
  const figures = (means: PrequentialMeans): EventFigures => ({
    events: means.samples,
    ...figuresOf(means, baselineNames),
  });
  const total = summary.total();
  return {
    ...(total.samples === 0 ? {} : { total: figures(total) }),
    domains: summary.byDomain().map(({ domain, ...means }) => ({ domain, ...figures(means) })),
    history: summary.byHistory().map(({ bucket, ...means }) => ({ bucket, ...figures(means) })),
    items: summary.byItem().map(({ bucket, ...means }) => ({ bucket, ...figures(means) })),
    buckets: summary
      .byBucket()
      .map(({ domain, bucket, ...means }) => ({ domain, bucket, ...figures(means) })),
  };
}

/** Events between two breaths: the progress bar and Ctrl-C want the event loop. */
const BREATHE_EVERY = 1024;

async function learnAll(pass: Pass, options: EvaluateOptions): Promise<void> {
  const limit = options.limit ?? Number.POSITIVE_INFINITY;
  for await (const chunk of options.events) {
    for (const event of chunk) {
      if (pass.events >= limit || options.signal?.aborted === true) return pass.finish();
      pass.add(event);
      if (pass.events % BREATHE_EVERY !== 0) continue;
      options.onProgress?.(pass.events);
      await breathe();
    }
  }
  pass.finish();
}
