import type { Config } from '../../config.js';
import { RegistrySchemas } from '../../serde/registry.js';
import { type Finding, found, looked, ok, skipped } from './report.js';

/** Asks the registry for a schema, whether it has it or not, and for the rules of our subject. */
export async function checkRegistry(config: Config): Promise<Finding> {
  const { schemaRegistryUrl: url, recommendationsTopic: topic } = config;
  if (url === null) return skipped('registry', 'SCHEMA_REGISTRY_URL is not set.');
  return looked('registry', '', async () => {
    const registry = new RegistrySchemas({ url });
    const begin = performance.now();
    await registry.schema(1);
    const took = Math.round(performance.now() - begin);
    const rules = await registry.compatibilityOf(topic);
    const detail = `It answers in ${took} ms; the compatibility of ${topic}-value is ${rules}.`;
    if (rules !== 'NONE') return ok('registry', detail);
    return found(
      'registry',
      'warn',
      detail,
      'Nothing keeps readers of the lists from a schema that they cannot read: set it, or ISTHMUS_SCHEMA_COMPATIBILITY.',
    );
  });
}
