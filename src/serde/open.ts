import { RegistrySchemas } from './registry.js';
import { Serde } from './serde.js';

/** The settings that say where schemas come from. */
export interface SchemaSettings {
  readonly schemaRegistryUrl: string | null;
  readonly schemaAutoRegister: boolean;
  readonly schemaCompatibility: string;
}

/** Topic by record, for the public records that will be written. */
export type Writes = Partial<Record<'BehaviorEvent' | 'Item' | 'RecommendationList', string>>;

/** Returns a serde that reads. Nothing is asked yet; `serde.register` is for what will be written. */
export function createSerde(settings: SchemaSettings): Serde {
  const { schemaRegistryUrl: url, schemaAutoRegister, schemaCompatibility } = settings;
  if (url === null) return new Serde();
  const source = new RegistrySchemas({
    url,
    register: schemaAutoRegister,
    compatibility: schemaCompatibility,
  });
  return new Serde({ source });
}

/**
 * Returns a serde that reads and writes: with a registry, the named public records have the ids that
 * their subjects give them.
 *
 * Errors: SCHEMA_REGISTRY_UNAVAILABLE (retry), SCHEMA_REJECTED (fatal), SCHEMA_NOT_REGISTERED (usage).
 */
export async function openSerde(settings: SchemaSettings, writes: Writes = {}): Promise<Serde> {
  const serde = createSerde(settings);
  await serde.register(writes);
  return serde;
}
