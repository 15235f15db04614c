import { Counter, Gauge } from 'prom-client';
import type { PrequentialSample } from '../online/types.js';
import { Cells } from './cells.js';
import type { MetricContext, MetricGroup } from './group.js';
import { hitAt10, ndcgAt10 } from './ranking.js';

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

/**
 * Test-then-train: each event is predicted before it is learned. `bucket` is the user's own history
 * in the domain before the event: 0, 1-4, 5-19, 20+.
 */
export const quality: MetricGroup = (context) => {
  const cells = new Cells(
    context.domains,
    FIGURES.map(([, , figure]) => figure),
  );
  context.on('isthmus:prequential', ({ samples }) => {
    for (const sample of samples) {
      // One broken sample must not spoil the sums for good.
      if (Number.isFinite(sample.logLoss) && Number.isFinite(sample.auc)) cells.observe(sample);
    }
  });
  exportCells(context, cells);
};

/** The sums are handed over at each scrape: an event costs a few additions and no look-up of labels. */
function exportCells({ registry }: MetricContext, cells: Cells): void {
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
