import { Command } from 'commander';
import { IsthmusError } from '../errors.js';
import { authorization } from '../http/auth.js';
import type { ReplicaModel, VerifyReport } from '../verify/report.js';
import { type CommonOptions, several, withCommon } from './arguments.js';
import { settingsOf, withKafka } from './context.js';
import { figure, say, sayJson } from './output.js';

interface VerifyCommandOptions extends CommonOptions {
  readonly json: boolean;
  readonly replica?: readonly string[];
  readonly input: boolean;
}

/** The hash of a large model takes its time. */
const ANSWER_WITHIN_MS = 60_000;
/** Lists that are owed are made within a moment after the last event, or never. */
const DEBTS_WITHIN_MS = 10_000;

/** `isthmus verify`: whether the topics show that each event counts once. */
export function verifyCommand(): Command {
  const command = new Command('verify')
    .description('Read the topics and say whether each input event counts exactly once')
    .option('--replica <url>', 'also compare the model of this process; may be repeated', several)
    .option('--no-input', 'do not read the input: users, lists and dead letters are not compared')
    .option('--json', 'print the whole report', false);
  return withCommon(command, [
    'isthmus verify',
    'isthmus verify --replica http://127.0.0.1:8080 --replica http://127.0.0.1:8081 --json',
    '',
    'Exits with 1 where something does not hold. The application may be running.',
  ]).action(async (options: VerifyCommandOptions) => {
    const { httpToken } = settingsOf(options);
    const replicas = await Promise.all(
      (options.replica ?? []).map((url) => replicaAt(url, httpToken)),
    );
    const report = await withKafka(options, async ({ config, transport }) => {
      const [{ verify }, { openSerde }] = await Promise.all([
        import('../verify/verify.js'),
        import('../serde/open.js'),
      ]);
      const serde = await openSerde(config);
      const patienceMs = DEBTS_WITHIN_MS;
      return verify({ config, transport, serde, replicas, input: options.input, patienceMs });
    });
    if (options.json) sayJson(report);
    else say(textOf(report));
    if (!report.ok) process.exitCode = 1;
  });
}

/**
 * Asks a process for its committed model. Errors (usage): REPLICA_UNREACHABLE.
 *
 * @param url Where its HTTP listens: `http://127.0.0.1:8080`
 */
export async function replicaAt(url: string, token: string | null = null): Promise<ReplicaModel> {
  try {
    const answer = await fetch(new URL('/model', url), {
      headers: authorization(token),
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    if (!answer.ok) throw new Error(`it answers with status ${answer.status}`);
    const model = (await answer.json()) as {
      trainedEvents: number;
      sha256: string;
      deltaOffsets: readonly number[];
    };
    const { trainedEvents, sha256 } = model;
    return { name: url, trainedEvents, sha256, deltaOffsets: model.deltaOffsets.map(BigInt) };
  } catch (cause) {
    throw new IsthmusError(
      'REPLICA_UNREACHABLE',
      'usage',
      `The replica ${url} does not say which model it has; is it the address of a running service?`,
      { cause },
    );
  }
}

/** The report for people: what was counted, then what does not hold. */
export function textOf(report: VerifyReport): string {
  const { inputOffsets, sha256, users, lists, deadLetters, oracle, copies } = report;
  const rows: [string, string][] = [
    [
      'input offsets',
      `${figure(inputOffsets.ranges)} transactions, ${inputOffsets.gaps} gaps, ${inputOffsets.overlaps} overlaps`,
    ],
    ['trained events', figure(report.trainedEvents)],
    ['input', oracle === null ? 'not compared' : `${figure(oracle.accepted)} events to train`],
    ['sha256 of the log', sha256.log ?? 'deltas below a snapshot were deleted'],
    ['sha256 of the snapshot', sha256.snapshot ?? 'there is none'],
    ...Object.entries(sha256.replicas).map(([name, hash]): [string, string] => [name, hash]),
    [
      'users',
      `${figure(users.states)} states, ${figure(users.checked)} compared, ${users.wrong} wrong, ${figure(users.owed)} owed a list`,
    ],
    [
      'lists',
      `${figure(lists.lists)}, ${lists.notIncreasing} not increasing, ${lists.notLast} not the last`,
    ],
    [
      'dead letters',
      `${figure(deadLetters.found)}, ${deadLetters.missing} missing, ${deadLetters.unexpected} unexpected, ${deadLetters.poison} poison`,
    ],
    ...(copies === null
      ? []
      : ([
          [
            'copies by user',
            `${figure(copies.copies)} of ${figure(copies.originals)}, ${copies.missing} missing, ${copies.unexpected} unexpected, ${copies.wrong} wrong`,
          ],
        ] satisfies [string, string][])),
  ];
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  const lines = rows.map(([name, value]) => `${name.padEnd(width)}${value}`);
  return [
    ...lines,
    ...report.problems.map((problem) => `! ${problem}`),
    report.ok ? 'All of it holds.' : 'It does not hold.',
  ].join('\n');
}
