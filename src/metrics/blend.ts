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
