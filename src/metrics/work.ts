import { Counter, Gauge, Histogram } from 'prom-client';
import { Decayed } from './decayed.js';
import type { MetricGroup } from './group.js';

/** Half-life of the loss gauge, in events. */
const HALF_LIFE_EVENTS = 2000;

/** What is done with the batches, and how long it takes. */
export const work: MetricGroup = ({ registry, on }) => {
  const registers = [registry];
  const duration = new Histogram({
    name: 'isthmus_batch_duration_seconds',
    help: 'Duration of the steps of a batch: decode, learn, recommend, encode, commit.',
    labelNames: ['step'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const size = new Histogram({
    name: 'isthmus_batch_events',
    help: 'Events of a learned mini-batch.',
    buckets: [1, 4, 16, 64, 128, 256, 512, 1024, 2048, 4096, 8192],
    registers,
  });
  const records = new Counter({
    name: 'isthmus_consumed_records_total',
    help: 'Records read from the input and decoded (or found to be undecodable).',
    registers,
  });
  const learned = new Counter({
    name: 'isthmus_learned_events_total',
    help: 'Events learned, also those whose transaction was aborted afterwards.',
    registers,
  });
  const examples = new Counter({
    name: 'isthmus_examples_total',
    help: 'Training examples: events, and what was replayed with them.',
    registers,
  });
  const lossSum = new Counter({
    name: 'isthmus_loss_sum_total',
    help: 'Sum of the training loss over examples; divide its rate by that of isthmus_examples_total.',
    registers,
  });
  const recent = new Decayed(HALF_LIFE_EVENTS);
  new Gauge({
    name: 'isthmus_loss',
    help: 'Mean binary cross-entropy per scored item in training, over about the last 2,000 events.',
    registers,
    collect() {
      if (recent.weight > 0) this.set(recent.mean);
    },
  });
  const lists = new Counter({
    name: 'isthmus_recommendation_lists_total',
    help: 'Recommendation lists made.',
    registers,
  });
  const users = new Counter({
    name: 'isthmus_recommended_users_total',
    help: 'Users for whom lists were made (once a batch each).',
    registers,
  });
  const encoded = new Counter({
    name: 'isthmus_encoded_records_total',
    help: 'Output records encoded, of all topics.',
    registers,
  });
  const bytes = new Counter({
    name: 'isthmus_encoded_bytes_total',
    help: 'Bytes of the output records, before compression.',
    registers,
  });

  on('isthmus:decode', (event) => {
    duration.observe({ step: 'decode' }, event.seconds);
    records.inc(event.records);
  });
  on('isthmus:learn', (event) => {
    duration.observe({ step: 'learn' }, event.seconds);
    size.observe(event.events);
    learned.inc(event.events);
    examples.inc(event.examples);
    if (event.examples === 0 || !Number.isFinite(event.loss)) return;
    lossSum.inc(Math.max(0, event.loss * event.examples));
    recent.add(event.loss, event.events);
  });
  on('isthmus:recommend', (event) => {
    duration.observe({ step: 'recommend' }, event.seconds);
    lists.inc(event.lists);
    users.inc(event.users);
  });
  on('isthmus:encode', (event) => {
    duration.observe({ step: 'encode' }, event.seconds);
    encoded.inc(event.records);
    bytes.inc(event.bytes);
  });
  on('isthmus:transaction', (event) => {
    if (event.outcome === 'committed') duration.observe({ step: 'commit' }, event.seconds);
  });
};
