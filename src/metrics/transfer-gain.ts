import { Counter, Gauge } from 'prom-client';
import type { PrequentialSample } from '../online/types.js';
import { Decayed } from './decayed.js';
import type { MetricContext, MetricGroup } from './group.js';
import { hitAt10 } from './ranking.js';

/** Half-life of the gauge, in such events of the same domain and bucket. */
const HALF_LIFE_EVENTS = 1000;

/** What transfer wins, in events in which it is looked at: HR@10 less that without transfer. */
export const transferGain: MetricGroup = (context) => {
  const gains = new Map<string, Gain>();
  context.on('isthmus:prequential', ({ samples }) => {
    for (const sample of samples) observeGain(gains, context, sample);
  });
  exportGains(context, gains);
};

/** Of one domain and bucket. */
interface Gain {
  readonly labels: { readonly domain: string; readonly bucket: string };
  events: number;
  sum: number;
  readonly recent: Decayed;
}

function observeGain(
  gains: Map<string, Gain>,
  context: MetricContext,
  { domain, bucket, rank, apartRank }: PrequentialSample,
): void {
  if (apartRank === undefined) return;
  const label = context.domains.admit(domain);
  const key = `${bucket}/${label}`;
  let gain = gains.get(key);
  if (gain === undefined) {
    const labels = { domain: label, bucket };
    gain = { labels, events: 0, sum: 0, recent: new Decayed(HALF_LIFE_EVENTS) };
    gains.set(key, gain);
  }
  const won = hitAt10(rank) - hitAt10(apartRank);
  gain.events++;
  gain.sum += won;
  gain.recent.add(won);
}

/** The sum may fall, so it is a gauge too. */
function exportGains({ registry }: MetricContext, gains: ReadonlyMap<string, Gain>): void {
  const labelNames = ['domain', 'bucket'];
  const registers = [registry];
  new Counter({
    name: 'isthmus_transfer_gain_events_total',
    help: 'Events predicted with and without what their users did in other domains.',
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const { labels, events } of gains.values()) this.inc(labels, events);
    },
  });
  new Gauge({
    name: 'isthmus_transfer_gain_sum',
    help: 'Sum over these events of HR@10 less that without transfer.',
    labelNames,
    registers,
    collect() {
      for (const { labels, sum } of gains.values()) this.set(labels, sum);
    },
  });
  new Gauge({
    name: 'isthmus_transfer_gain',
    help: 'Mean of HR@10 less that without transfer, over about the last 1,000 such events.',
    labelNames,
    registers,
    collect() {
      for (const { labels, recent } of gains.values()) {
        if (recent.weight > 0) this.set(labels, recent.mean);
      }
    },
  });
}
