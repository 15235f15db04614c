import { type Config, type Source, settingsTable } from './table.js';

/** A setting in force, as `isthmus config --json` shows it. */
export interface DescribedSetting {
  readonly name: string;
  readonly property: string;
  readonly value: unknown;
  readonly source: Source;
  readonly default: string;
  readonly unit: string;
  readonly wants: string;
  readonly description: string;
}

/** Returns all settings in force; credentials are hidden. */
export function describeConfig(config: Config): DescribedSetting[] {
  return settingsTable.map((row) => ({
    name: row.env,
    property: row.path,
    value: row.show(valueAt(config, row.path)),
    source: config.sources[row.path] ?? 'default',
    default: row.fallbackText,
    unit: row.unit,
    wants: row.wants,
    description: row.description,
  }));
}

function valueAt(config: Config, path: string): unknown {
  let value: unknown = config;
  for (const part of path.split('.')) value = (value as Record<string, unknown>)[part];
  return value;
}
