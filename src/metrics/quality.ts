import { Counter, Gauge } from 'prom-client';
import type { PrequentialSample } from '../online/types.js';
import { Decayed } from './decayed.js';
import type { MetricContext, MetricGroup } from './group.js';
import { hitAt10, ndcgAt10 } from './ranking.js';

/** Half-life of the gauges, in events of the same domain and bucket. */
const HALF_LIFE_EVENTS = 1000;

type Figure = (sample: PrequentialSample) => number;

/** By the name's stem: what it measures and how. */
const FIGURES: readonly (readonly [stem: string, what: string, figure: Figure])[] = [
  ['logloss', 'log-loss of the event and one sampled negative', (s) => s.logLoss],
  ['auc', 'AUC (share of the negatives below the event, ties half)', (s) => s.auc],
  ['hr10', 'HR@10 (whether the event was in the top 10)', (s) => hitAt10(s.rank)],
  ['ndcg10', 'NDCG@10', (s) => ndcgAt10(s.rank)],
  ['popularity_hr10', 'HR@10 of popularity alone', (s) => hitAt10(s.popularityRank)],
  ['popularity_ndcg10', 'NDCG@10 of popularity alone', (s) => ndcgAt10(s.popularityRank)],
];

/** Sums by figure, of one domain and bucket. */
interface Cell {
  readonly labels: { readonly domain: string; readonly bucket: string };
  events: number;
  readonly sums: Float64Array;
  readonly recent: readonly Decayed[];
}

/**
 * Test-then-train: each event is predicted before it is learned. `bucket` is the user's own history
 * in the domain before the event: 0, 1-4, 5-19, 20+.
 */
export const quality: MetricGroup = (context) => {
  const cells = new Map<string, Cell>();
  context.on('isthmus:prequential', ({ samples }) => {
    for (const sample of samples) observe(cellOf(cells, context, sample), sample);
  });
  exportCells(context, cells);
};

function cellOf(
  cells: Map<string, Cell>,
  context: MetricContext,
  { domain, bucket }: PrequentialSample,
): Cell {
  const label = context.domains.admit(domain);
  const key = `${bucket}/${label}`;
  let cell = cells.get(key);
  if (cell === undefined) {
    cell = {
      labels: { domain: label, bucket },
      events: 0,
      sums: new Float64Array(FIGURES.length),
      recent: FIGURES.map(() => new Decayed(HALF_LIFE_EVENTS)),
    };
    cells.set(key, cell);
  }
  return cell;
}

function observe(cell: Cell, sample: PrequentialSample): void {
  // One broken sample must not spoil the sums for good.
  if (!Number.isFinite(sample.logLoss) || !Number.isFinite(sample.auc)) return;
  cell.events++;
  for (let i = 0; i < FIGURES.length; i++) {
    const value = FIGURES[i]![2](sample);
    cell.sums[i]! += value;
    cell.recent[i]!.add(value);
  }
}

/** The sums are handed over at each scrape: an event costs a few additions and no look-up of labels. */
function exportCells({ registry }: MetricContext, cells: ReadonlyMap<string, Cell>): void {
  const labelNames = ['domain', 'bucket'];
  const registers = [registry];
  new Counter({
    name: 'isthmus_prequential_events_total',
    help: 'Events predicted before they were learned: what the prequential sums are divided by.',
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const cell of cells.values()) this.inc(cell.labels, cell.events);
    },
  });
  FIGURES.forEach(([stem, what], i) => {
    new Counter({
      name: `isthmus_prequential_${stem}_sum_total`,
      help: `Sum over events of the ${what}.`,
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const cell of cells.values()) this.inc(cell.labels, cell.sums[i]);
      },
    });
    new Gauge({
      name: `isthmus_prequential_${stem}`,
      help: `Mean ${what}, over about the last 1,000 events of the domain and bucket.`,
      labelNames,
      registers,
      collect() {
        for (const cell of cells.values()) {
          const recent = cell.recent[i]!;
          if (recent.weight > 0) this.set(cell.labels, recent.mean);
        }
      },
    });
  });
}
