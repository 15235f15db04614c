import { describe, expect, it } from 'vitest';
import { DASHBOARDS } from '../../deploy/grafana/index.js';
import { rooted, text } from './support/files.js';
import { prometheusRule } from './support/prometheus-rule.js';
import { strimziTopics } from './support/strimzi-topics.js';

/** `npm run dashboards` writes what these tests compare. */
describe('what is generated and checked in', () => {
  for (const [name, dashboard] of Object.entries(DASHBOARDS)) {
    it(`is the dashboard ${name} as the code has it`, async () => {
      const json = `${JSON.stringify(dashboard, null, 2)}\n`;
      await expect(json).toMatchFileSnapshot(rooted(`deploy/grafana/dashboards/${name}.json`));
    });
  }

  it('is the PrometheusRule of the rule files', async () => {
    const rules = ['recording.yml', 'alerts.yml'].map((name) =>
      text(`deploy/prometheus/rules/${name}`),
    );
    await expect(prometheusRule(rules)).toMatchFileSnapshot(
      rooted('deploy/k8s/components/prometheus-operator/prometheusrule.yaml'),
    );
  });

  it('is the topics of the code, with the partitions that KEDA is capped at', async () => {
    const keda = text('deploy/k8s/components/keda/scaledobject.yaml');
    const cap = Number(/maxReplicaCount: (\d+)/.exec(keda)?.[1]);
    const topics = strimziTopics({ ISTHMUS_REPLICATION_FACTOR: '3' }, cap);
    await expect(topics).toMatchFileSnapshot(
      rooted('deploy/k8s/components/strimzi-topics/topics.yaml'),
    );
  });
});
