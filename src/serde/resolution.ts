import avro, { type Schema, type Type } from 'avsc';
import { boundsOf, hasContainers } from './bounds.js';
import { UndecodableError, type UndecodableReason } from './errors.js';
import { type FieldJson, isNullable, type RecordJson, type SchemaJson } from './schemas.js';

/** Reads a value that was written with one schema as a value of another. */
export interface Resolution<T> {
  /** Returns the value whose body begins at `pos`. Errors: UndecodableError. */
  read(buffer: Buffer, pos: number): T;
}

/** Returns avsc's type for a schema. Every call has its own names. */
export function typeOf(schema: SchemaJson): Type {
  return avro.Type.forSchema(schema as Schema, { registry: {} });
}

/** The record types of avsc, whose fields its typings leave out. */
interface RecordNode extends Type {
  readonly fields: readonly {
    readonly name: string;
    readonly aliases: readonly string[];
    readonly type: Type;
  }[];
}

/**
 * Returns how `reader` reads what was written with `writer`, by Avro's rules of schema resolution
 * (fields by name or alias, defaults, promotions, enum defaults), with three allowances that people's
 * schemas need: the record may have any name, an enum is read as a string, and a nullable field
 * is read where we want a value (a null that does come is `schema-incompatible`).
 *
 * Errors: UndecodableError `schema-incompatible`, which names the field.
 */
export function resolve<T>(
  reader: RecordJson,
  writer: SchemaJson,
  options: { event: boolean },
): Resolution<T> {
  const fail = failure(reader.name, options.event);
  let writerType: Type;
  try {
    writerType = typeOf(writer);
  } catch (cause) {
    throw fail('schema-incompatible', "the writer's schema is not valid Avro", { cause });
  }
  if (writerType.typeName !== 'record') {
    throw fail('schema-incompatible', `the writer's schema is ${writerType.typeName}, no record`);
  }
  const record = writerType as RecordNode;
  const adapted = adapt(reader, record);
  checkUnits(reader, writer, fail);
  const type = typeOf(adapted.schema) as RecordNode;
  adapted.schema.fields.forEach((field, i) => {
    checkField(field, type.fields[i]!.type, record, fail);
  });
  const resolver = type.createResolver(writerType, { ignoreNamespaces: true });
  const bounds = hasContainers(writerType) ? boundsOf(writerType) : null;

  return {
    read(buffer, pos) {
      if (bounds !== null && bounds(buffer, pos) < 0) throw truncated(fail);
      let decoded: { value: unknown; offset: number };
      try {
        decoded = type.decode(buffer, pos, resolver);
      } catch (cause) {
        throw fail('invalid-body', describe(cause), { cause });
      }
      if (decoded.offset < 0) throw truncated(fail);
      if (decoded.offset < buffer.length) {
        const extra = buffer.length - decoded.offset;
        throw fail('trailing-bytes', `${extra} bytes follow the last field`);
      }
      const value = decoded.value as T & Record<string, unknown>;
      for (const name of adapted.required) {
        if (value[name] !== null) continue;
        const detail = `field ${name} is null, a value is needed`;
        throw fail('schema-incompatible', detail, { field: name });
      }
      return value;
    },
  };
}

type Fail = (
  reason: UndecodableReason,
  detail: string,
  options?: { field?: string; cause?: unknown },
) => UndecodableError;

function failure(record: string, event: boolean): Fail {
  return (reason, detail, options = {}) =>
    new UndecodableError(record, reason, detail, { event, ...options });
}

function truncated(fail: Fail): UndecodableError {
  return fail('truncated', 'the body ends before its last field');
}

function describe(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** The union's branches, or the type itself. */
function branchesOf(type: Type): readonly Type[] {
  return (type as Type & { readonly types?: readonly Type[] }).types ?? [type];
}

function sourcesOf(field: FieldJson, writer: RecordNode): RecordNode['fields'] {
  const names = new Set([field.name, ...(field.aliases ?? [])]);
  return writer.fields.filter((candidate) => names.has(candidate.name));
}

/** Returns the reader's schema with the allowances made, and the fields that must not be null. */
function adapt(reader: RecordJson, writer: RecordNode) {
  const required: string[] = [];
  const fields = reader.fields.map((field): FieldJson => {
    const source = sourcesOf(field, writer)[0];
    if (source === undefined) return field;
    const written = branchesOf(source.type).filter((branch) => branch.typeName !== 'null');
    const mayBeNull = written.length < branchesOf(source.type).length;
    const nullable = isNullable(field.type);
    const only = written.length === 1 ? written[0] : undefined;
    const wanted = nullable ? field.type.find((branch) => branch !== 'null') : field.type;
    const asEnum = wanted === 'string' && only?.typeName === 'enum';
    if (!asEnum && (nullable || !mayBeNull)) return field;
    if (mayBeNull && !nullable) required.push(field.name);
    // avsc takes a type object where a schema is expected.
    const value = asEnum ? (only as unknown as SchemaJson) : (wanted ?? 'null');
    const { default: _unused, ...rest } = field;
    return { ...rest, type: mayBeNull || nullable ? ['null', value] : value };
  });
  const { namespace: _namespace, ...rest } = reader;
  const name = (writer.name ?? reader.name).split('.').at(-1) ?? reader.name;
  return { schema: { ...rest, name, fields }, required };
}

/** Throws, with the field's name, where this field alone makes the schemas incompatible. */
function checkField(field: FieldJson, reader: Type, writer: RecordNode, fail: Fail): void {
  const name = field.aliases?.[0] ?? field.name;
  const sources = sourcesOf(field, writer);
  if (sources.length > 1) {
    const names = sources.map((source) => source.name).join(' and ');
    throw fail('schema-incompatible', `field ${name} could be ${names}`, { field: name });
  }
  const source = sources[0];
  if (source === undefined) {
    if (field.default !== undefined) return;
    const detail = `field ${name} is missing in the writer's schema and has no default`;
    throw fail('schema-incompatible', detail, { field: name });
  }
  try {
    reader.createResolver(source.type, { ignoreNamespaces: true });
  } catch (cause) {
    const detail = `field ${name} cannot be read: ${describe(cause)}`;
    throw fail('schema-incompatible', detail, { field: name, cause });
  }
}

/** avsc does not look at units: microseconds read as milliseconds would be silently wrong. */
function checkUnits(reader: RecordJson, writer: SchemaJson, fail: Fail): void {
  const fields = (writer as Partial<RecordJson>).fields ?? [];
  for (const field of reader.fields) {
    const wanted = unitOf(field.type);
    if (wanted === undefined) continue;
    const source = fields.find(
      (candidate) => candidate.name === field.name || field.aliases?.includes(candidate.name),
    );
    const given = source === undefined ? undefined : unitOf(source.type);
    if (source === undefined || given === undefined || given === wanted) continue;
    const detail = `field ${source.name} is ${given}, ${wanted} is needed`;
    throw fail('schema-incompatible', detail, { field: source.name });
  }
}

function unitOf(schema: SchemaJson): string | undefined {
  if (typeof schema === 'string') return undefined;
  if (Array.isArray(schema)) {
    return schema.map(unitOf).find((unit) => unit !== undefined);
  }
  return (schema as { logicalType?: string }).logicalType;
}
