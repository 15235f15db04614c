import { describe, expect, it } from 'vitest';
import { DASHBOARDS } from '../../deploy/grafana/index.js';
import { rooted, text } from './support/files.js';
import { prometheusRule } from './support/prometheus-rule.js';

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
});
