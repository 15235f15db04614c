import { Counter } from 'prom-client';
import type { MetricGroup } from './group.js';

const OUTCOMES = ['committed', 'aborted', 'fenced'] as const;

/** What is wrong with the input, and what is done about it. */
export const input: MetricGroup = ({ registry, on }) => {
  const registers = [registry];
  const misplaced = new Counter({
    name: 'isthmus_misplaced_events_total',
    help: 'Events whose user belongs in another partition: the input is not keyed by user.',
    registers,
  });
  on('isthmus:misplaced', ({ count }) => {
    misplaced.inc(count);
  });
  const copied = new Counter({
    name: 'isthmus_repartition_records_total',
    help: 'Input records that the transactions of the repartition step covered, by outcome.',
    labelNames: ['outcome'],
    registers,
  });
  for (const outcome of OUTCOMES) copied.inc({ outcome }, 0);
  on('isthmus:repartition', ({ outcome, records }) => {
    copied.inc({ outcome }, records);
  });
  const items = new Counter({
    name: 'isthmus_item_records_total',
    help: 'Records of the items topic that transactions covered, by outcome.',
    labelNames: ['outcome'],
    registers,
  });
  for (const outcome of OUTCOMES) items.inc({ outcome }, 0);
  on('isthmus:items', ({ outcome, records }) => {
    items.inc({ outcome }, records);
  });
  const resets = new Counter({
    name: 'isthmus_offset_resets_total',
    help: 'Starts of a task from another offset than the committed one, which is not in the log.',
    labelNames: ['policy'],
    registers,
  });
  const skipped = new Counter({
    name: 'isthmus_offset_reset_skipped_records_total',
    help: 'Offsets of the input that were passed over by these starts.',
    registers,
  });
  for (const policy of ['earliest', 'latest']) resets.inc({ policy }, 0);
  on('isthmus:offset-reset', (event) => {
    resets.inc({ policy: event.policy });
    skipped.inc(event.skipped);
  });
};
