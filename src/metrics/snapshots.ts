import { Counter, Gauge, Histogram } from 'prom-client';
import type { MetricGroup } from './group.js';

const OUTCOMES = ['written', 'failed', 'fenced'] as const;
const REASONS = [
  'undecodable',
  'newer-format',
  'damaged-manifest',
  'missing-chunk',
  'damaged-chunk',
  'wrong-hash',
] as const;

/** Snapshots of the model: how old the newest is, and what making them costs. */
export const snapshots: MetricGroup = ({ registry, clock, on }) => {
  const registers = [registry];
  let createdAtMs: number | null = null;
  new Gauge({
    name: 'isthmus_snapshot_age_seconds',
    help: 'Age of the newest snapshot that this process knows of; absent where it knows of none.',
    labelNames: [],
    registers,
    collect() {
      this.reset();
      if (createdAtMs === null) this.remove();
      else this.set(Math.max(0, (clock() - createdAtMs) / 1000));
    },
  });
  const written = new Counter({
    name: 'isthmus_snapshots_total',
    help: 'Snapshots that this process began, by what became of them.',
    labelNames: ['outcome'],
    registers,
  });
  for (const outcome of OUTCOMES) written.inc({ outcome }, 0);
  const bytes = new Gauge({
    name: 'isthmus_snapshot_bytes',
    help: 'Bytes of the last snapshot that this process wrote.',
    registers,
  });
  const duration = new Histogram({
    name: 'isthmus_snapshot_duration_seconds',
    help: 'From the beginning of a snapshot to its commit.',
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300],
    registers,
  });
  const pause = new Histogram({
    name: 'isthmus_snapshot_pause_seconds',
    help: 'For how long the event loop stood still while the model was copied.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5],
    registers,
  });
  const refused = new Counter({
    name: 'isthmus_snapshot_refused_total',
    help: 'Snapshots that could not be used, so that the one before was tried, by reason.',
    labelNames: ['reason'],
    registers,
  });
  for (const reason of REASONS) refused.inc({ reason }, 0);
  on('isthmus:snapshot', (event) => {
    written.inc({ outcome: event.outcome });
    if (event.outcome !== 'written') return;
    bytes.set(event.bytes);
    duration.observe(event.seconds);
    pause.observe(event.pauseSeconds);
  });
  on('isthmus:snapshot-known', (event) => {
    createdAtMs = event.createdAtMs;
  });
  on('isthmus:snapshot-refused', ({ reason }) => {
    refused.inc({ reason });
  });
};
