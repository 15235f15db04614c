import { Gauge } from 'prom-client';
import type { MetricGroup } from './group.js';

/** What is learned of the blend of scores, read from the view at each scrape. */
export const blend: MetricGroup = ({ registry, view, domains }) => {
  new Gauge({
    name: 'isthmus_blend_leaning_weight',
    help: 'What popularity weighs more in the scores of a domain by how much more popular than others the latest likes of a user are, of users who have been there.',
    labelNames: ['domain'],
    registers: [registry],
    collect() {
      this.reset();
      // Domains beyond the cap share a series: it has the last one's.
      for (const { domain, leaning } of view.blend()) {
        this.set({ domain: domains.admit(domain) }, leaning);
      }
    },
  });
  new Gauge({
    name: 'isthmus_blend_weight_factor',
    help: 'What the weight of a part of scores in a domain is learned to be, as a multiple of what is set, by the events that users have there, and for users without any by the domain where they liked most.',
    labelNames: ['domain', 'source', 'bucket', 'part'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { domain, weights } of view.blend()) {
        for (const { source, bucket, part, factor } of weights) {
          const from = source === '' ? '' : domains.admit(source);
          this.set({ domain: domains.admit(domain), source: from, bucket, part }, factor);
        }
      }
    },
  });
  new Gauge({
    name: 'isthmus_blend_likeness_weight',
    help: 'What likeness by categories, and by words, weighs more in the scores of a domain than is set, of users who have been there.',
    labelNames: ['domain', 'kind'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { domain, likeness } of view.blend()) {
        for (const [kind, weight] of Object.entries(likeness)) {
          this.set({ domain: domains.admit(domain), kind }, weight);
        }
      }
    },
  });
};
