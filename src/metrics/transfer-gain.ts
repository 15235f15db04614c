import { Counter, Gauge } from 'prom-client';
import { Cells } from './cells.js';
import type { MetricContext, MetricGroup } from './group.js';
import { hitAt10 } from './ranking.js';

/** What transfer wins, in events in which it is looked at: HR@10 less that without transfer. */
export const transferGain: MetricGroup = (context) => {
  const cells = new Cells(context.domains, [
    ({ rank, apartRank = rank }) => hitAt10(rank) - hitAt10(apartRank),
  ]);
  context.on('isthmus:prequential', ({ samples }) => {
    for (const sample of samples) if (sample.apartRank !== undefined) cells.observe(sample);
  });
  exportGains(context, cells);
};

/** The sum may fall, so it is a gauge too. */
function exportGains({ registry }: MetricContext, cells: Cells): void {
  const labelNames = ['domain', 'bucket'];
  const registers = [registry];
  new Counter({
    name: 'isthmus_transfer_gain_events_total',
    help: 'Events predicted with and without what their users did in other domains.',
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const { labels, events } of cells.values()) this.inc(labels, events);
    },
  });
  new Gauge({
    name: 'isthmus_transfer_gain_sum',
    help: 'Sum over these events of HR@10 less that without transfer.',
    labelNames,
    registers,
    collect() {
      for (const { labels, sums } of cells.values()) this.set(labels, sums[0]!);
    },
  });
  new Gauge({
    name: 'isthmus_transfer_gain',
    help: 'Mean of HR@10 less that without transfer, over about the last 1,000 such events.',
    labelNames,
    registers,
    collect() {
      for (const { labels, recent } of cells.values()) {
        if (recent[0]!.weight > 0) this.set(labels, recent[0]!.mean);
      }
    },
  });
}
