import { RegistrySchemas } from './registry.js';
import type { RecordName } from './schemas.js';
import { Serde } from './serde.js';

/**
 * Returns a serde for these settings: with a registry, the named public records are registered
 * under their topics and written with the registry's ids.
 *
 * Errors: SCHEMA_REGISTRY_UNAVAILABLE (retry), SCHEMA_REJECTED (fatal).
 *
 * @param writes Topic by record, for the records that will be written: `{ RecommendationList: 'recommendations' }`.
 */
export async function openSerde(
  registryUrl: string | null,
  writes: Partial<Record<'BehaviorEvent' | 'Item' | 'RecommendationList', string>> = {},
): Promise<Serde> {
  if (registryUrl === null) return new Serde();
  const source = new RegistrySchemas({ url: registryUrl });
  const ids: Partial<Record<RecordName, number>> = {};
  for (const [name, topic] of Object.entries(writes)) {
    ids[name as RecordName] = await source.idFor(topic, name as RecordName);
  }
  return new Serde({ source, ids });
}
