import { z } from 'zod';
import { type ActionWeights, DEFAULT_ACTION_WEIGHTS } from '../online/preprocess/weights.js';
import { isOneTopic } from './inputs.js';
import { LEARNER_SETTINGS } from './learner.js';
import { SECURITY_SETTINGS } from './security.js';
import {
  address,
  choice,
  flag,
  json,
  list,
  number,
  type Setting,
  secret,
  text,
  topic,
  topics,
  whole,
} from './setting.js';

const DAY_MS = 86_400_000;

const actionWeight = z.strictObject({
  weight: z.number().min(0).max(1),
  min: z.number().optional(),
  max: z.number().optional(),
  positiveFrom: z.number().optional(),
});

/** `others` names the property that the default is made of. */
function derived(property: string, ending: string) {
  return (others: Readonly<Record<string, unknown>>) => `${String(others[property])}${ending}`;
}

/** Dead letters of one input topic stand beside it; those of several belong to the application. */
function deadLetterTopic({ inputTopic, appId }: Readonly<Record<string, unknown>>): string {
  return `${isOneTopic(String(inputTopic)) ? inputTopic : appId}.dlq`;
}

/** The settings that are no learner's, by property of Config. Order matters: defaults look back. */
export const STREAM_SETTINGS = {
  brokers: list({
    env: 'KAFKA_BROKERS',
    pattern: /^(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9._-]+):\d{1,5}$/,
    wants: 'addresses host:port between commas',
    fallback: [],
    fallbackText: '',
    description:
      'Where Kafka listens. Needed by all commands that speak to Kafka; demo starts its own where it is not set.',
  }),
  ...SECURITY_SETTINGS,
  schemaRegistryUrl: address({
    env: 'SCHEMA_REGISTRY_URL',
    secret: true,
    description:
      'A Confluent-compatible schema registry; credentials may stand in the address. None: the embedded schemas with ids of their own.',
  }),
  schemaAutoRegister: flag({
    env: 'ISTHMUS_SCHEMA_AUTO_REGISTER',
    fallback: true,
    description:
      'true: the schemas of what is written are registered where they are not. false, for production: they have to be there. One of true, false.',
  }),
  schemaCompatibility: choice({
    env: 'ISTHMUS_SCHEMA_COMPATIBILITY',
    words: [
      'as-is',
      'BACKWARD',
      'BACKWARD_TRANSITIVE',
      'FORWARD',
      'FORWARD_TRANSITIVE',
      'FULL',
      'FULL_TRANSITIVE',
    ],
    fallback: 'as-is',
    description:
      'What the subjects of the schemas that are registered are set to; as-is: what the registry has.',
  }),
  otlpEndpoint: address({
    env: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    description:
      'Where spans go (OTLP over HTTP). None: no tracing. The SDK reads its other OTEL_* variables itself.',
  }),
  appId: text({
    env: 'ISTHMUS_APP_ID',
    pattern: /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$/,
    wants: '1 to 100 of the characters A-Z a-z 0-9 . _ -',
    fallback: 'isthmus',
    description:
      'Application id: the consumer group, the prefix of transactional ids and of internal topics.',
  }),
  transport: choice({
    env: 'ISTHMUS_TRANSPORT',
    words: ['kafka', 'memory'],
    fallback: 'kafka',
    description: 'The log: Kafka, or one in the memory of the process (for trying out).',
  }),
  inputTopic: topics({
    env: 'ISTHMUS_INPUT_TOPIC',
    fallback: 'behavior-events',
    description:
      'Behaviour events, keyed by user. Several topics between commas, or those whose whole name matches /pattern/, need ISTHMUS_REPARTITION=true.',
  }),
  repartition: flag({
    env: 'ISTHMUS_REPARTITION',
    fallback: false,
    description:
      'true: events are first copied to the repartition topic, keyed by user, exactly once. Needed where the input is not keyed by user, or is more than one topic. One of true, false.',
  }),
  repartitionTopic: topic({
    env: 'ISTHMUS_REPARTITION_TOPIC',
    fallback: derived('appId', '.repartition'),
    fallbackText: '<app id>.repartition',
    description: 'Where the copies go, and what the tasks then read.',
  }),
  itemsTopic: topic({
    env: 'ISTHMUS_ITEMS_TOPIC',
    fallback: 'items',
    description: 'What catalogues say of items.',
  }),
  recommendationsTopic: topic({
    env: 'ISTHMUS_RECOMMENDATIONS_TOPIC',
    fallback: 'recommendations',
    description: 'Where lists go.',
  }),
  deadLetterTopic: topic({
    env: 'ISTHMUS_DLQ_TOPIC',
    fallback: deadLetterTopic,
    fallbackText: '<input topic>.dlq',
    description:
      'Where records go that cannot be used, with reason and origin in headers. Of several input topics: <app id>.dlq.',
  }),
  userStateTopic: topic({
    env: 'ISTHMUS_USER_STATE_TOPIC',
    fallback: derived('appId', '.user-state'),
    fallbackText: '<app id>.user-state',
    description: "Changelog of users' state.",
  }),
  modelDeltasTopic: topic({
    env: 'ISTHMUS_MODEL_DELTAS_TOPIC',
    fallback: derived('appId', '.model-deltas'),
    fallbackText: '<app id>.model-deltas',
    description: 'The log whose sum the model is.',
  }),
  modelSnapshotsTopic: topic({
    env: 'ISTHMUS_MODEL_SNAPSHOTS_TOPIC',
    fallback: derived('appId', '.model-snapshots'),
    fallbackText: '<app id>.model-snapshots',
    description: 'Snapshots of the committed model.',
  }),
  replicationFactor: whole({
    env: 'ISTHMUS_REPLICATION_FACTOR',
    min: 0,
    max: 32,
    fallback: 0,
    description: 'Replicas of the topics that `topics create` makes; 0: as the broker has it.',
  }),
  delivery: choice({
    env: 'ISTHMUS_DELIVERY',
    words: ['exactly-once', 'at-least-once'],
    fallback: 'exactly-once',
    description: 'Transactions, or an idempotent producer with offsets after the sends.',
  }),
  commitIntervalMs: whole({
    env: 'ISTHMUS_COMMIT_INTERVAL_MS',
    min: 1,
    max: 60_000,
    fallback: 100,
    unit: 'ms',
    description: 'How long results are gathered before they are committed.',
  }),
  maxTransactionEvents: whole({
    env: 'ISTHMUS_MAX_TRANSACTION_EVENTS',
    min: 1,
    max: 1_000_000,
    fallback: 4000,
    unit: 'events',
    description: 'The most that one transaction takes in.',
  }),
  transactionTimeoutMs: whole({
    env: 'ISTHMUS_TRANSACTION_TIMEOUT_MS',
    min: 1000,
    max: 900_000,
    fallback: 60_000,
    unit: 'ms',
    description: 'After which the broker aborts a transaction by itself. Fencing ends it sooner.',
  }),
  sessionTimeoutMs: whole({
    env: 'ISTHMUS_SESSION_TIMEOUT_MS',
    min: 1000,
    max: 300_000,
    fallback: 6000,
    unit: 'ms',
    description:
      "Without a heartbeat for so long, a process loses its partitions (the broker's group.min.session.timeout.ms is the least).",
  }),
  standbys: whole({
    env: 'ISTHMUS_STANDBYS',
    min: 0,
    max: 16,
    fallback: 0,
    description:
      'How many other processes follow the users of each partition, so that a takeover reads only the last records.',
  }),
  offsetReset: choice({
    env: 'ISTHMUS_OFFSET_RESET',
    words: ['stop', 'earliest', 'latest'],
    fallback: 'stop',
    description:
      'Where the committed offset of an input partition is not in the log any more (retention was faster): stop the process, or go on at the first or after the last record that is there, with a warning.',
  }),
  maxRecordBytes: whole({
    env: 'ISTHMUS_MAX_RECORD_BYTES',
    min: 4096,
    max: 100_000_000,
    fallback: 1_000_000,
    unit: 'bytes',
    description:
      "The largest record that is written, headers included, and the largest batch; no more than the topics' max.message.bytes. Deltas (from 64,000 bytes on) and snapshots are split below it, a larger list is a dead letter, a larger dead letter is cut.",
  }),
  miniBatch: whole({
    env: 'ISTHMUS_MINI_BATCH',
    min: 1,
    max: 4096,
    fallback: 128,
    unit: 'events',
    description: 'Events that are learned in one step, at most.',
  }),
  catchUpMiniBatch: whole({
    env: 'ISTHMUS_CATCH_UP_MINI_BATCH',
    min: 1,
    max: 4096,
    fallback: 512,
    unit: 'events',
    description:
      'The same while more events wait than one transaction takes: an event then costs a sixth less. None below ISTHMUS_MINI_BATCH counts, and none where mini-batches are cut by offset.',
  }),
  miniBatchCut: choice({
    env: 'ISTHMUS_MINI_BATCH_CUT',
    words: ['linger', 'offset'],
    fallback: 'linger',
    description:
      'linger: what came within the commit interval is learned even if the mini-batch is not full. offset: full mini-batches only, so that one partition gives the same bits in every run.',
  }),
  snapshotIntervalMs: whole({
    env: 'ISTHMUS_SNAPSHOT_INTERVAL_MS',
    min: 0,
    max: DAY_MS,
    fallback: 600_000,
    unit: 'ms',
    description:
      'A snapshot of the model is written at the latest so long after the last one, if anything was learned; 0: never by time.',
  }),
  snapshotDeltaBytes: whole({
    env: 'ISTHMUS_SNAPSHOT_DELTA_BYTES',
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    fallback: 268_435_456,
    unit: 'bytes',
    wants: 'a whole number, 0 or more',
    description: 'A snapshot is written after so many bytes of model deltas; 0: never by volume.',
  }),
  snapshotKeep: whole({
    env: 'ISTHMUS_SNAPSHOT_KEEP',
    min: 0,
    max: 1000,
    fallback: 2,
    unit: 'snapshots',
    description:
      'After each snapshot, older ones than so many and the deltas below them are deleted; 0: nothing is.',
  }),
  digestRestMs: whole({
    env: 'ISTHMUS_DIGEST_REST_MS',
    min: 0,
    max: DAY_MS,
    fallback: 60_000,
    unit: 'ms',
    description:
      'When the model has not changed for so long it is hashed, once, for the metric isthmus_model_digest; 0: only where GET /model asks.',
  }),
  catchUpLagRecords: whole({
    env: 'ISTHMUS_CATCH_UP_LAG',
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    fallback: 20_000,
    unit: 'records',
    wants: 'a whole number, 0 or more',
    description:
      "Farther behind the end of the topic than this, only a user's newest event in the backlog is answered.",
  }),
  topN: whole({
    env: 'ISTHMUS_TOP_N',
    min: 1,
    max: 1000,
    fallback: 10,
    unit: 'items',
    description: 'Length of the lists.',
  }),
  becauseItems: whole({
    env: 'ISTHMUS_BECAUSE_ITEMS',
    min: 0,
    max: 3,
    fallback: 3,
    unit: 'items',
    description:
      'For each item of a list, so many of the items that the user has touched are named: those that weighed most for it. 0: none.',
  }),
  mostOfCategory: whole({
    env: 'ISTHMUS_MOST_OF_CATEGORY',
    min: 0,
    max: 1000,
    fallback: 0,
    unit: 'items',
    description:
      'A list has at most so many items of one main category, as far as the items topic tells of them; 0: as many as come.',
  }),
  contentVectors: list({
    env: 'ISTHMUS_CONTENT_VECTORS',
    pattern: /^[A-Za-z0-9._-]{1,64}:[1-9]\d{0,3}$/,
    wants: 'names of given vectors with their lengths between commas, such as image:512,text:384',
    fallback: [],
    fallbackText: '',
    description:
      'The given vectors that items may have, with their lengths; items with others, or of another length, are dead letters. Empty: any name and length.',
  }),
  targetDomains: list({
    env: 'ISTHMUS_TARGET_DOMAINS',
    pattern: /^[A-Za-z0-9._-]{1,64}$/,
    wants: 'all, others, or names of domains between commas',
    fallback: ['all'],
    fallbackText: 'all',
    description:
      "The domains that a touched user gets lists for: all, others (than the event's), or those named.",
  }),
  listIntervalMs: whole({
    env: 'ISTHMUS_LIST_INTERVAL_MS',
    min: 0,
    max: DAY_MS,
    fallback: 0,
    unit: 'ms',
    description:
      "The least time between two lists of a user. What is owed meanwhile is part of the user's state.",
  }),
  excludeTouched: choice({
    env: 'ISTHMUS_EXCLUDE_TOUCHED',
    words: ['same-domain', 'any-domain', 'none'],
    fallback: 'same-domain',
    description:
      'What the user has lately touched is left out of lists: by item and domain, by item id in any domain, or not at all.',
  }),
  actionWeights: json<ActionWeights>({
    env: 'ISTHMUS_ACTION_WEIGHTS',
    schema: z.record(z.string().min(1), actionWeight as z.ZodType<ActionWeights[string]>),
    wants: 'a JSON object of {"action": {"weight": 0 to 1, "min"?, "max"?, "positiveFrom"?}}',
    fallback: DEFAULT_ACTION_WEIGHTS,
    fallbackText: 'see below',
    description:
      'How much interest each action shows. Replaces the rows of the actions that it names; `*` is any other action.',
  }),
  botEventsPerMinute: whole({
    env: 'ISTHMUS_BOT_EVENTS_PER_MINUTE',
    min: 0,
    max: 1_000_000_000,
    fallback: 300,
    unit: 'events',
    description: 'More events of a user in a minute of event time are refused (bot); 0: never.',
  }),
  duplicateWindowMs: whole({
    env: 'ISTHMUS_DUPLICATE_WINDOW_MS',
    min: 0,
    max: 30 * DAY_MS,
    fallback: 600_000,
    unit: 'ms',
    description: 'Within so much event time an eventId is recognised again (duplicate); 0: never.',
  }),
  duplicateIds: whole({
    env: 'ISTHMUS_DUPLICATE_IDS',
    min: 0,
    max: 1024,
    fallback: 32,
    unit: 'ids',
    description: "The most eventIds that are kept of a user, 14 bytes each in the user's state.",
  }),
  futureToleranceMs: whole({
    env: 'ISTHMUS_FUTURE_TOLERANCE_MS',
    min: 0,
    max: 365 * DAY_MS,
    fallback: 300_000,
    unit: 'ms',
    description:
      "An event that says it happened later than so long after its record's timestamp is invalid.",
  }),
  prequentialSample: number({
    env: 'ISTHMUS_PREQUENTIAL_SAMPLE',
    min: 0,
    max: 1,
    fallback: 0.02,
    description:
      'Share of the events that are scored before they are trained: each costs as much as ten that are not.',
  }),
  servingThread: choice({
    env: 'ISTHMUS_SERVING_THREAD',
    words: ['auto', 'true', 'false'],
    fallback: 'auto',
    description:
      'Whether lists are made in a thread beside the event loop, out of a second copy of the model, which takes its memory and the time of adding its deltas again. auto: where there is more than one core, and the backend is simd or plain.',
  }),
  backend: choice({
    env: 'ISTHMUS_BACKEND',
    words: ['auto', 'tensorflow', 'wasm', 'cpu', 'simd', 'plain'],
    fallback: 'auto',
    description:
      'What computes the dense tower; auto: the one that is fastest at the start; see backends.md.',
  }),
  compression: choice({
    env: 'ISTHMUS_COMPRESSION',
    words: ['none', 'gzip', 'snappy', 'lz4', 'zstd'],
    fallback: 'none',
    description:
      'Of the batches that are sent. Whatever comes is read: the codec stands in each batch.',
  }),
  httpHost: text({
    env: 'ISTHMUS_HTTP_HOST',
    pattern: /^[A-Za-z0-9._:-]{1,253}$/,
    wants: 'a host name or address',
    fallback: '127.0.0.1',
    description: 'The address to listen on; 0.0.0.0 in a container.',
  }),
  httpPort: whole({
    env: 'ISTHMUS_HTTP_PORT',
    min: 0,
    max: 65_535,
    fallback: 8080,
    description: 'Port of metrics, health and questions; 0: any that is free.',
  }),
  httpToken: secret({
    env: 'ISTHMUS_HTTP_TOKEN',
    pattern: /^[\x21-\x7e]{16,512}$/,
    wants: '16 to 512 printable characters without spaces',
    description:
      'What has to be sent as `Authorization: Bearer` with all requests but /healthz and /readyz. The same for all processes of the application. None: everybody may ask.',
  }),
  httpMaxRequests: whole({
    env: 'ISTHMUS_HTTP_MAX_REQUESTS',
    min: 0,
    max: 100_000,
    fallback: 256,
    unit: 'requests',
    description: 'So many may be under way at once, probes aside; others get 503. 0: any number.',
  }),
  metricsPort: whole({
    env: 'ISTHMUS_METRICS_PORT',
    min: 0,
    max: 65_535,
    fallback: ({ httpPort }) => Number(httpPort),
    fallbackText: '<HTTP port>',
    description:
      'Port of /metrics. Where it is another one than the HTTP port, no token is asked for there, and the HTTP port has no /metrics; 0: any that is free.',
  }),
  advertisedUrl: address({
    env: 'ISTHMUS_ADVERTISED_URL',
    description:
      "Where the application's other processes reach this one, for questions about its users. None: the address it listens on; where that is 0.0.0.0, the machine's first that is not local.",
  }),
  logLevel: choice({
    env: 'ISTHMUS_LOG_LEVEL',
    words: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    fallback: 'info',
    description: 'The least that is logged.',
  }),
} as const;

type ValueOf<S> = S extends Setting<infer T> ? T : never;
type Values<Rows> = { readonly [K in keyof Rows]: ValueOf<Rows[K]> };

/** All settings of a process, frozen. */
export interface Config extends Values<typeof STREAM_SETTINGS> {
  /** The learner's options, mini-batch and seed among them. */
  readonly learner: Values<typeof LEARNER_SETTINGS> & { readonly miniBatch: number };
  /** Where each value came from, by path (`topN`, `learner.phi`). */
  readonly sources: Readonly<Record<string, Source>>;
  /** Files that secrets came from, by path; what stands there now may be newer. */
  readonly secretFiles: Readonly<Record<string, string>>;
}

export type Source = 'environment' | 'secret file' | 'file' | 'default';

/** A row of the table, with its place in Config and in the file. */
export interface SettingRow extends Setting<unknown> {
  readonly path: string;
}

/** All settings, in the order of docs/configuration.md. */
export const settingsTable: readonly SettingRow[] = [
  ...rows('', STREAM_SETTINGS),
  ...rows('learner.', LEARNER_SETTINGS),
];

function rows(prefix: string, table: object): SettingRow[] {
  return Object.entries(table).map(([property, row]: [string, Setting<unknown>]) => ({
    ...row,
    path: `${prefix}${property}`,
  }));
}
