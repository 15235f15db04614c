import type { Config } from '../../config.js';
import { RegistrySchemas } from '../../serde/registry.js';
import { type Finding, looked, ok, skipped } from './report.js';

/** Asks the registry for a schema, whether it has it or not. */
export async function checkRegistry({ schemaRegistryUrl: url }: Config): Promise<Finding> {
  if (url === null) return skipped('registry', 'SCHEMA_REGISTRY_URL is not set.');
  return looked(
    'registry',
    'Check SCHEMA_REGISTRY_URL, the credentials, and that it runs.',
    async () => {
      const begin = performance.now();
      await new RegistrySchemas({ url }).schema(1);
      return ok('registry', `It answers in ${Math.round(performance.now() - begin)} ms.`);
    },
  );
}
