import { readFileSync } from 'node:fs';
import { describeError, IsthmusError } from '../errors.js';
import { DEFAULT_ACTION_WEIGHTS } from '../online/preprocess/weights.js';
import { isOneTopic, parseInputs } from './inputs.js';
import { nearest } from './nearest.js';
import { fileVariable, readSecret } from './secret.js';
import { securityContradictions } from './security.js';
import { type Config, type SettingRow, type Source, settingsTable } from './table.js';

/** Names with our prefix that are no rows of the table. */
const OTHER_NAMES = ['ISTHMUS_CONFIG'];

/**
 * Returns the settings in force: the environment before the file before the default. An empty
 * variable counts as not set.
 *
 * Errors: SETTING_INVALID, SETTING_UNKNOWN (usage), which name every setting at fault, what it got
 * and what it wants.
 *
 * @param env The environment; names that begin with ISTHMUS_ must be settings.
 * @param file A JSON file with properties of Config; ISTHMUS_CONFIG where it is left out.
 */
export function loadConfig(
  env: Readonly<Record<string, string | undefined>>,
  file: string | undefined = env.ISTHMUS_CONFIG,
): Config {
  const fromFile = file === undefined || file === '' ? new Map() : readFile(file);
  refuseUnknown(env);
  const values: Record<string, unknown> = {};
  const sources: Record<string, Source> = {};
  const secretFiles: Record<string, string> = {};
  const problems: string[] = [];
  for (const row of settingsTable) {
    let given: Given;
    try {
      given = givenFor(row, env);
    } catch (error) {
      problems.push(describeError(error));
      continue;
    }
    const { text } = given;
    const source = given.source ?? (fromFile.has(row.path) ? 'file' : 'default');
    if (given.file !== null) secretFiles[row.path] = given.file;
    sources[row.path] = source;
    if (source === 'default') {
      values[row.path] = typeof row.fallback === 'function' ? row.fallback(values) : row.fallback;
      continue;
    }
    const value: unknown = text !== null ? row.parseText(text) : fromFile.get(row.path);
    const parsed = row.schema.safeParse(value);
    values[row.path] = parsed.data;
    if (!parsed.success) problems.push(problem(row, source, text ?? value, file));
  }
  problems.push(...(problems.length === 0 ? contradictions(values) : []));
  if (problems.length > 0) throw new IsthmusError('SETTING_INVALID', 'usage', problems.join('\n'));
  return assemble(values, sources, secretFiles);
}

interface Given {
  readonly text: string | null;
  readonly source: Source | null;
  /** Where the secret came from. */
  readonly file: string | null;
}

/** What the environment says of a setting. Errors: SETTING_INVALID (usage). */
function givenFor(row: SettingRow, env: Readonly<Record<string, string | undefined>>): Given {
  const text = textOf(env, row.env);
  const variable = fileVariable(row);
  const file = variable === null ? null : textOf(env, variable);
  if (variable === null || file === null) {
    return { text, source: text === null ? null : 'environment', file: null };
  }
  if (text === null) return { text: readSecret(variable, file), source: 'secret file', file };
  throw new IsthmusError(
    'SETTING_INVALID',
    'usage',
    `${row.env} and ${variable} are both set: wants one of them`,
  );
}

/** The variable's text; null where it is not set or empty. */
function textOf(env: Readonly<Record<string, string | undefined>>, name: string): string | null {
  const text = env[name]?.trim() ?? '';
  return text === '' ? null : text;
}

/**
 * Throws SETTING_INVALID (usage) where Kafka is the transport and nobody has said where it is.
 * Commands that speak to Kafka call it.
 */
export function requireBrokers(config: Config): void {
  if (config.transport === 'memory' || config.brokers.length > 0) return;
  throw new IsthmusError(
    'SETTING_INVALID',
    'usage',
    'KAFKA_BROKERS is not set: wants addresses host:port between commas. `isthmus kafka` starts a broker and prints the line to set; ISTHMUS_TRANSPORT=memory needs none',
  );
}

function problem(row: SettingRow, source: Source, got: unknown, file: string | undefined): string {
  const where = {
    environment: row.env,
    default: row.env,
    file: `${row.path} in ${file} (${row.env})`,
    'secret file': `what ${fileVariable(row)} names (${row.env})`,
  }[source];
  const text = typeof got === 'string' ? got : JSON.stringify(got);
  const shown = row.secret ? '***' : text;
  return `${where} is "${shown}": wants ${row.wants}`;
}

/** All names in the environment that are settings, those of files with secrets among them. */
export function settingNames(): string[] {
  return settingsTable.flatMap((row) => [row.env, fileVariable(row) ?? []].flat());
}

function refuseUnknown(env: Readonly<Record<string, string | undefined>>): void {
  const known = new Set([...settingNames(), ...OTHER_NAMES]);
  const problems: string[] = [];
  for (const name of Object.keys(env)) {
    if (!name.startsWith('ISTHMUS_') && !/^KAFKA_(SASL|TLS)/.test(name)) continue;
    if (known.has(name)) continue;
    const hint = suggestion(name, known);
    // Kubernetes gives each container KAFKA_TLS_PORT and the like where a Service has such a name.
    if (hint !== '' || name.startsWith('ISTHMUS_')) problems.push(`${name} is no setting${hint}`);
  }
  if (problems.length === 0) return;
  throw new IsthmusError('SETTING_UNKNOWN', 'usage', `${problems.join('\n')}. ${SEE_CONFIG}`);
}

const SEE_CONFIG = '`isthmus config` lists all settings';

function suggestion(name: string, known: Iterable<string>): string {
  const near = nearest(name, known);
  return near === undefined ? '' : ` (did you mean ${near}?)`;
}

function readFile(file: string): Map<string, unknown> {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw fileProblem(`cannot be read: ${describeError(cause)}`, file, cause);
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw fileProblem('wants a JSON object of settings', file);
  }
  const known = new Set(settingsTable.map((row) => row.path));
  const found = new Map<string, unknown>();
  for (const [name, value] of Object.entries(flatten(content))) {
    if (!known.has(name)) {
      const detail = `${name} in ${file} is no setting${suggestion(name, known)}. ${SEE_CONFIG}`;
      throw new IsthmusError('SETTING_UNKNOWN', 'usage', detail);
    }
    found.set(name, value);
  }
  return found;
}

function flatten(content: object): Record<string, unknown> {
  const { learner, ...rest } = content as Record<string, unknown>;
  if (typeof learner !== 'object' || learner === null) {
    return learner === undefined ? rest : { ...rest, learner };
  }
  const inner = Object.entries(learner).map(([key, value]) => [`learner.${key}`, value] as const);
  return { ...rest, ...Object.fromEntries(inner) };
}

function fileProblem(what: string, file: string, cause?: unknown): IsthmusError {
  return new IsthmusError('SETTING_INVALID', 'usage', `ISTHMUS_CONFIG (${file}) ${what}`, {
    cause,
  });
}

/** Settings that are right one by one and wrong together. */
function contradictions(values: Readonly<Record<string, unknown>>): string[] {
  const problems = securityContradictions(values);
  const topics = settingsTable.filter((row) => row.path.endsWith('Topic'));
  const namesOf = (row: SettingRow): readonly string[] =>
    parseInputs(String(values[row.path]))?.names ?? [];
  for (const [i, row] of topics.entries()) {
    const names = namesOf(row);
    const same = topics
      .slice(0, i)
      .find((other) => namesOf(other).some((name) => names.includes(name)));
    if (same === undefined) continue;
    problems.push(`${row.env} is "${values[row.path]}": wants another topic than ${same.env}`);
  }
  if (values.repartition === false && !isOneTopic(String(values.inputTopic))) {
    problems.push(
      `ISTHMUS_INPUT_TOPIC is "${values.inputTopic}": wants one topic, or ISTHMUS_REPARTITION=true beside it. A user's state is kept by the one task that reads the user's partition; events from several topics have to be brought together there first`,
    );
  }
  if (Number(values.transactionTimeoutMs) < 2 * Number(values.commitIntervalMs)) {
    problems.push(
      `ISTHMUS_TRANSACTION_TIMEOUT_MS is "${values.transactionTimeoutMs}": wants at least twice ISTHMUS_COMMIT_INTERVAL_MS`,
    );
  }
  if (Number(values.miniBatch) > Number(values.maxTransactionEvents)) {
    problems.push(
      `ISTHMUS_MINI_BATCH is "${values.miniBatch}": wants no more than ISTHMUS_MAX_TRANSACTION_EVENTS`,
    );
  }
  const weights = values.actionWeights as Config['actionWeights'];
  for (const [action, row] of Object.entries(weights)) {
    if ((row.min === undefined) === (row.max === undefined) && !(row.min! >= row.max!)) continue;
    problems.push(
      `ISTHMUS_ACTION_WEIGHTS for ${action} is ${JSON.stringify(row)}: wants min below max, or neither`,
    );
  }
  return problems;
}

function assemble(
  values: Readonly<Record<string, unknown>>,
  sources: Readonly<Record<string, Source>>,
  secretFiles: Readonly<Record<string, string>>,
): Config {
  const stream: Record<string, unknown> = {};
  const learner: Record<string, unknown> = { miniBatch: values.miniBatch };
  for (const [path, value] of Object.entries(values)) {
    if (path.startsWith('learner.')) learner[path.slice('learner.'.length)] = value;
    else stream[path] = value;
  }
  stream.actionWeights = { ...DEFAULT_ACTION_WEIGHTS, ...(values.actionWeights as object) };
  return deepFreeze({
    ...stream,
    learner,
    sources: { ...sources },
    secretFiles,
  }) as unknown as Config;
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null) deepFreeze(inner);
  }
  return Object.freeze(value);
}
