import { readFileSync } from 'node:fs';

/** An Avro schema as JSON. */
export type SchemaJson =
  | string
  | readonly SchemaJson[]
  | {
      readonly type: SchemaJson;
      readonly name?: string;
      readonly namespace?: string;
      readonly aliases?: readonly string[];
      readonly logicalType?: string;
      readonly fields?: readonly FieldJson[];
      readonly items?: SchemaJson;
      readonly values?: SchemaJson;
      readonly symbols?: readonly string[];
      readonly default?: unknown;
      readonly doc?: string;
    };

export interface FieldJson {
  readonly name: string;
  readonly type: SchemaJson;
  readonly default?: unknown;
  readonly aliases?: readonly string[];
  readonly doc?: string;
}

export interface RecordJson {
  readonly type: 'record';
  readonly name: string;
  readonly namespace?: string;
  readonly aliases?: readonly string[];
  readonly fields: readonly FieldJson[];
  readonly doc?: string;
}

/** The records that stand in `schemas/`. */
export const RECORD_NAMES = [
  'BehaviorEvent',
  'Item',
  'RecommendationList',
  'UserState',
  'ModelDelta',
  'SnapshotChunk',
] as const;

export type RecordName = (typeof RECORD_NAMES)[number];

/** Reads `schemas/<name>.avsc`. */
export function readSchema(name: RecordName): RecordJson {
  const file = new URL(`../../schemas/${name}.avsc`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as RecordJson;
}

/** Reads `schemas/past/<file>.avsc`: what once stood in `schemas/`. */
export function readPastSchema(file: string): RecordJson {
  const url = new URL(`../../schemas/past/${file}.avsc`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')) as RecordJson;
}

/** Whether the schema is a union that may be null. */
export function isNullable(schema: SchemaJson): schema is readonly SchemaJson[] {
  return Array.isArray(schema) && schema.includes('null');
}

/**
 * Returns the schema with each field of logical type timestamp-millis renamed from `x` to `xMs`
 * (with the alias `x`), so that avsc reads and writes our plain types without a conversion. Names
 * do not stand in Avro's bytes: the renamed schema reads and writes the same bytes.
 */
export function withUnits<S extends SchemaJson>(schema: S): S {
  return rename(schema) as S;
}

function rename(schema: SchemaJson): SchemaJson {
  if (typeof schema === 'string') return schema;
  if (Array.isArray(schema)) return schema.map(rename);
  const node = schema as Exclude<SchemaJson, string | readonly SchemaJson[]>;
  if (node.fields !== undefined) return { ...node, fields: node.fields.map(renameField) };
  if (node.items !== undefined) return { ...node, items: rename(node.items) };
  if (node.values !== undefined) return { ...node, values: rename(node.values) };
  return node;
}

function renameField(field: FieldJson): FieldJson {
  const type = rename(field.type);
  if (!isTimestamp(field.type)) return { ...field, type };
  return {
    ...field,
    type,
    name: `${field.name}Ms`,
    aliases: [field.name, ...(field.aliases ?? [])],
  };
}

function isTimestamp(schema: SchemaJson): boolean {
  return (
    typeof schema === 'object' &&
    'logicalType' in schema &&
    schema.logicalType === 'timestamp-millis'
  );
}
