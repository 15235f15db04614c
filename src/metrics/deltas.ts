import { Counter, Gauge } from 'prom-client';
import type { MetricGroup } from './group.js';

/** What is read from the delta topic. */
export const deltas: MetricGroup = ({ registry, clock, on }) => {
  const registers = [registry];
  const records = new Counter({
    name: 'isthmus_delta_records_total',
    help: 'Records read from the delta topic: own ones read back, foreign ones applied.',
    labelNames: ['origin'],
    registers,
  });
  const bytes = new Counter({
    name: 'isthmus_delta_read_bytes_total',
    help: 'Bytes of the records read from the delta topic.',
    labelNames: ['origin'],
    registers,
  });
  const seconds = new Counter({
    name: 'isthmus_delta_apply_seconds_total',
    help: 'Time spent on applying foreign deltas.',
    registers,
  });
  const age = new Gauge({
    name: 'isthmus_delta_age_seconds',
    help: 'Age of the last foreign delta when it was applied, by partition of the delta topic.',
    labelNames: ['partition'],
    registers,
  });
  const waiting = new Map<number, { records: number; timestampMs: number | null }>();
  new Gauge({
    name: 'isthmus_delta_lag_records',
    help: 'Records of the delta topic that are there and not yet applied here, by partition.',
    labelNames: ['partition'],
    registers,
    collect() {
      for (const [partition, { records: behind }] of waiting) this.set({ partition }, behind);
    },
  });
  new Gauge({
    name: 'isthmus_delta_lag_seconds',
    help: 'Age of the newest delta applied where others wait behind it; 0 where none does.',
    labelNames: ['partition'],
    registers,
    collect() {
      for (const [partition, { records: behind, timestampMs }] of waiting) {
        const ageMs = behind === 0 || timestampMs === null ? 0 : clock() - timestampMs;
        this.set({ partition }, Math.max(0, ageMs / 1000));
      }
    },
  });
  on('isthmus:delta-lag', ({ partition, records: behind, timestampMs }) => {
    const known = waiting.get(partition)?.timestampMs ?? null;
    waiting.set(partition, { records: behind, timestampMs: timestampMs ?? known });
  });
  for (const origin of ['own', 'foreign']) {
    records.inc({ origin }, 0);
    bytes.inc({ origin }, 0);
  }
  on('isthmus:delta', (event) => {
    const origin = event.own ? 'own' : 'foreign';
    records.inc({ origin });
    bytes.inc({ origin }, event.bytes);
    if (event.own) return;
    seconds.inc(event.seconds);
    age.set({ partition: event.partition }, Math.max(0, (clock() - event.timestampMs) / 1000));
  });
};
