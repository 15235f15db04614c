import { Histogram } from 'prom-client';
import type { MetricGroup } from './group.js';

/** How old a list is when it is committed. */
export const freshness: MetricGroup = ({ registry, on }) => {
  const histogram = new Histogram({
    name: 'isthmus_freshness_seconds',
    help: "From the timestamp of a user's newest event to the commit of the list based on it.",
    buckets: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.35, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers: [registry],
  });
  on('isthmus:freshness', ({ seconds }) => {
    // A producer's clock may be ahead of ours.
    for (let i = 0; i < seconds.length; i++) histogram.observe(Math.max(0, seconds[i] ?? 0));
  });
};
