import { createMetrics } from '../../../src/metrics/metrics.js';
import { fakeView } from '../../http/fake-view.js';

/** Labels that the scrape configuration adds to every series. */
export const SCRAPE_LABELS = ['application', 'pod', 'namespace', 'job', 'instance'] as const;

/** What rules may ask for although it is not ours, and where it comes from. */
export const FOREIGN_METRICS: ReadonlyMap<string, readonly string[]> = new Map([
  // kube-state-metrics.
  ['kube_pod_container_resource_limits', ['container', 'resource', 'node']],
]);

/** Every series name that `/metrics` can have, with its labels. */
export function exportedMetrics(): Map<string, readonly string[]> {
  const metrics = createMetrics(fakeView());
  metrics.close();
  const names = new Map<string, readonly string[]>();
  for (const metric of metrics.registry.getMetricsAsArray()) {
    const labels = 'labelNames' in metric ? (metric.labelNames as string[]) : [];
    const kind = metric.constructor.name;
    if (kind === 'Histogram') {
      for (const part of ['bucket', 'sum', 'count']) {
        names.set(`${metric.name}_${part}`, part === 'bucket' ? [...labels, 'le'] : labels);
      }
    } else if (kind === 'Summary') {
      names.set(metric.name, [...labels, 'quantile']);
      for (const part of ['sum', 'count']) names.set(`${metric.name}_${part}`, labels);
    } else {
      names.set(metric.name, labels);
    }
  }
  return names;
}
