import { type DiagnosticEvents, type DiagnosticName, subscribe } from '../diagnostics.js';
import { Decayed } from '../metrics/decayed.js';
import { LabelCap } from '../metrics/labels.js';
import { hitAt10, ndcgAt10 } from '../metrics/ranking.js';
import type { PrequentialSample } from '../online/types.js';
import { LogHistogram } from './log-histogram.js';
import { RateWindow, Slots } from './window.js';

/** Figures for a screen: the demo's and the status page's. Null where nothing was measured yet. */
export interface LiveSnapshot {
  /** Input records in committed transactions, over the last 5 seconds. */
  readonly eventsPerSecond: number;
  readonly listsPerSecond: number;
  /** All partitions of this process together. */
  readonly lagRecords: number;
  /** Since the start. `events` are input records in committed transactions. */
  readonly totals: {
    readonly events: number;
    readonly lists: number;
    readonly refused: number;
    readonly deadLetters: number;
    readonly committed: number;
    readonly aborted: number;
    readonly fenced: number;
  };
  /** From event to committed list, over the last 10 seconds. */
  readonly freshness: LiveFreshness;
  /** The same since the start. */
  readonly freshnessOverall: LiveFreshness;
  /** Mean training loss over about the last 2,000 events. */
  readonly loss: number | null;
  /** Sorted by name. */
  readonly quality: readonly LiveQuality[];
}

export interface LiveFreshness {
  readonly lists: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

/** Test-then-train in one domain, popularity beside it: since the start and lately. */
export interface LiveQuality {
  readonly domain: string;
  readonly events: number;
  readonly hr10: number;
  readonly ndcg10: number;
  readonly popularityHr10: number;
  readonly popularityNdcg10: number;
  /** Over about the last 1,000 events. */
  readonly recentHr10: number;
  readonly recentPopularityHr10: number;
}

/** Listens to one application's diagnostics and keeps the figures of the last seconds at hand. */
export class LiveFigures {
  readonly #clock: () => number;
  readonly #closers: (() => void)[] = [];
  readonly #events = new RateWindow(5);
  readonly #lists = new RateWindow(5);
  readonly #freshness = new Slots(
    10,
    () => new LogHistogram(),
    (histogram) => histogram.clear(),
  );
  readonly #freshnessOverall = new LogHistogram();
  readonly #lag = new Map<string, number>();
  readonly #quality = new Map<string, QualitySums>();
  readonly #domains = new LabelCap(64);
  readonly #loss = new Decayed(2000);
  readonly #totals = {
    events: 0,
    lists: 0,
    refused: 0,
    deadLetters: 0,
    committed: 0,
    aborted: 0,
    fenced: 0,
  };

  /** `clock`: milliseconds since the epoch. */
  constructor(app: string, clock: () => number = Date.now) {
    this.#clock = clock;
    const on = <N extends DiagnosticName>(
      name: N,
      listener: (event: DiagnosticEvents[N]) => void,
    ): void => {
      this.#closers.push(subscribe(name, (event) => void (event.app === app && listener(event))));
    };
    on('isthmus:event', ({ outcome, count }) => {
      if (outcome === 'refused') this.#totals.refused += count;
      if (outcome === 'dead-letter') this.#totals.deadLetters += count;
    });
    on('isthmus:transaction', ({ outcome, events }) => {
      this.#totals[outcome]++;
      if (outcome !== 'committed') return;
      this.#totals.events += events;
      this.#events.add(events, this.#clock());
    });
    on('isthmus:recommend', ({ lists }) => {
      this.#totals.lists += lists;
      this.#lists.add(lists, this.#clock());
    });
    on('isthmus:learn', ({ loss, events }) => {
      if (Number.isFinite(loss)) this.#loss.add(loss, events);
    });
    on('isthmus:lag', ({ topic, partition, records }) => {
      this.#lag.set(`${topic}/${partition}`, records);
    });
    on('isthmus:task', ({ topic, partition, to }) => {
      if (to === 'closed') this.#lag.delete(`${topic}/${partition}`);
    });
    on('isthmus:freshness', ({ seconds }) => {
      const recent = this.#freshness.at(this.#clock());
      for (let i = 0; i < seconds.length; i++) {
        recent.add(seconds[i]!);
        this.#freshnessOverall.add(seconds[i]!);
      }
    });
    on('isthmus:prequential', ({ samples }) => {
      for (const sample of samples) this.#qualityOf(sample.domain).add(sample);
    });
  }

  snapshot(): LiveSnapshot {
    const now = this.#clock();
    const recent = new LogHistogram();
    for (const slot of this.#freshness.recent(now)) recent.merge(slot);
    let lagRecords = 0;
    for (const records of this.#lag.values()) lagRecords += records;
    return {
      eventsPerSecond: this.#events.perSecond(now),
      listsPerSecond: this.#lists.perSecond(now),
      lagRecords,
      totals: { ...this.#totals },
      freshness: freshnessOf(recent),
      freshnessOverall: freshnessOf(this.#freshnessOverall),
      loss: this.#loss.weight > 0 ? this.#loss.mean : null,
      quality: [...this.#quality]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([domain, sums]) => sums.snapshot(domain)),
    };
  }

  /** Stops listening; the last figures stay. */
  close(): void {
    for (const close of this.#closers.splice(0)) close();
  }

  #qualityOf(domain: string): QualitySums {
    const name = this.#domains.admit(domain);
    let sums = this.#quality.get(name);
    if (sums === undefined) {
      sums = new QualitySums();
      this.#quality.set(name, sums);
    }
    return sums;
  }
}

class QualitySums {
  #events = 0;
  #hits = 0;
  #gains = 0;
  #popularityHits = 0;
  #popularityGains = 0;
  readonly #recentHits = new Decayed(1000);
  readonly #recentPopularityHits = new Decayed(1000);

  add({ rank, popularityRank }: PrequentialSample): void {
    this.#events++;
    this.#hits += hitAt10(rank);
    this.#gains += ndcgAt10(rank);
    this.#popularityHits += hitAt10(popularityRank);
    this.#popularityGains += ndcgAt10(popularityRank);
    this.#recentHits.add(hitAt10(rank));
    this.#recentPopularityHits.add(hitAt10(popularityRank));
  }

  snapshot(domain: string): LiveQuality {
    return {
      domain,
      events: this.#events,
      hr10: this.#hits / this.#events,
      ndcg10: this.#gains / this.#events,
      popularityHr10: this.#popularityHits / this.#events,
      popularityNdcg10: this.#popularityGains / this.#events,
      recentHr10: this.#recentHits.mean,
      recentPopularityHr10: this.#recentPopularityHits.mean,
    };
  }
}

function freshnessOf(histogram: LogHistogram): LiveFreshness {
  if (histogram.total === 0) return { lists: 0, p50Ms: null, p99Ms: null };
  return {
    lists: histogram.total,
    p50Ms: histogram.quantile(0.5) * 1000,
    p99Ms: histogram.quantile(0.99) * 1000,
  };
}
