import { stringify } from 'yaml';
import { loadConfig } from '../../../src/config.js';
import { applicationTopics } from '../../../src/topics.js';

/** The topics that `isthmus topics create` would make, as objects of the Strimzi operator. */
export function strimziTopics(env: Readonly<Record<string, string>>, partitions: number): string {
  const documents = applicationTopics(loadConfig(env), partitions).map((spec) =>
    stringify({
      apiVersion: 'kafka.strimzi.io/v1beta2',
      kind: 'KafkaTopic',
      metadata: { name: spec.topic, labels: { 'strimzi.io/cluster': 'kafka' } },
      spec: {
        partitions: spec.partitions,
        replicas: spec.replicationFactor,
        config: spec.config,
      },
    }),
  );
  return `# Made of src/topics.ts by \`npm run dashboards\`; change it there.\n${documents.join('---\n')}`;
}
