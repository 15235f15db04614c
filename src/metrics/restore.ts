import { Gauge, Histogram } from 'prom-client';
import type { MetricGroup } from './group.js';

/** How far restoring the state from the log is. */
export const restore: MetricGroup = ({ registry, on }) => {
  const registers = [registry];
  const labelNames = ['what', 'partition'];
  const progress = new Gauge({
    name: 'isthmus_restore_progress_ratio',
    help: 'Share of the last restore that is done, from 0 to 1, by kind of state and partition.',
    labelNames,
    registers,
  });
  const remaining = new Gauge({
    name: 'isthmus_restore_remaining_records',
    help: 'Offsets still to be read by the restore.',
    labelNames,
    registers,
  });
  const duration = new Histogram({
    name: 'isthmus_restore_duration_seconds',
    help: 'Duration of finished restores, by kind of state.',
    labelNames: ['what'],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600],
    registers,
  });
  const starts = new Map<string, bigint>();
  on('isthmus:restore', ({ what, partition, position, end, seconds, done }) => {
    const key = `${what}/${partition}`;
    const start = starts.get(key) ?? position;
    if (done) starts.delete(key);
    else starts.set(key, start);
    const whole = Number(end - start);
    const ratio = done || whole <= 0 ? 1 : Number(position - start) / whole;
    progress.set({ what, partition }, Math.min(1, Math.max(0, ratio)));
    remaining.set({ what, partition }, done ? 0 : Math.max(0, Number(end - position)));
    if (done) duration.observe({ what }, seconds);
  });
};
