import { Gauge } from 'prom-client';
import type { MetricGroup } from './group.js';

/** How big the model is, read from the view at each scrape. */
export const model: MetricGroup = ({ registry, view, domains }) => {
  const registers = [registry];
  new Gauge({
    name: 'isthmus_model_trained_events',
    help: 'Events trained into the model at hand: its version.',
    registers,
    collect() {
      this.set(view.trainedEvents());
    },
  });
  new Gauge({
    name: 'isthmus_model_delta_offset',
    help: 'Next offset to be read of the delta topic, by partition.',
    labelNames: ['partition'],
    registers,
    collect() {
      view.deltaOffsets().forEach((offset, partition) => {
        this.set({ partition }, Number(offset));
      });
    },
  });
  new Gauge({
    name: 'isthmus_items',
    help: 'Items that the model knows, by domain.',
    labelNames: ['domain'],
    registers,
    collect() {
      this.reset();
      for (const { domain, rows } of view.items())
        this.inc({ domain: domains.admit(domain) }, rows);
    },
  });
  new Gauge({
    name: 'isthmus_half_life_days',
    help: 'Days of event time after which an entry of a history in the domain counts half; 0: it never fades.',
    labelNames: ['domain'],
    registers,
    collect() {
      for (const { domain, days } of view.halfLives()) {
        this.set({ domain: domains.admit(domain) }, days);
      }
    },
  });
  new Gauge({
    name: 'isthmus_users',
    help: 'Users whose state this process holds.',
    registers,
    collect() {
      this.set(view.users());
    },
  });
  new Gauge({
    name: 'isthmus_table_bytes',
    help: 'Bytes that the tables hold, by table.',
    labelNames: ['table'],
    registers,
    collect() {
      for (const { table, bytes } of view.tableBytes()) this.set({ table }, bytes);
    },
  });
  new Gauge({
    name: 'isthmus_backend_info',
    help: 'Always 1; what the dense tower runs on, and the version of isthmus.',
    labelNames: ['backend', 'version'],
    registers,
    collect() {
      this.reset();
      const backend = view.backend();
      if (backend !== '') this.set({ backend, version: view.version }, 1);
    },
  });
};
