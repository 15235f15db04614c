import { type ChaosResult, runChaos, type Spread } from '../chaos/chaos.js';
import { parseChaosOptions, USAGE } from '../chaos/options.js';
import { exitCodeOf, report } from './failure.js';
import { say, sayJson } from './output.js';
import { EXIT_INTERRUPTED, stopSignal } from './signals.js';
import { textOf } from './verify.js';

function inSeconds({ count, p50, p99, max }: Spread): string {
  return `p50 ${p50} s, p99 ${p99} s, max ${max} s (${count})`;
}

function print(result: ChaosResult): void {
  const { blows, events, seconds, takeoverSeconds, uninterruptedSha256 } = result;
  say(textOf(result.verify));
  say(
    `${blows.kill} kills, ${blows.stop} freezes, ${blows.term} stops, ${blows.broker} restarts of the broker in ${seconds.toFixed(0)} s; ${events} records, seed ${result.seed}`,
  );
  say(`from SIGTERM to the end: ${inSeconds(result.stopSeconds)}`);
  for (const [kind, spread] of Object.entries(takeoverSeconds)) {
    say(`until the partitions flow again after ${kind}: ${inSeconds(spread)}`);
  }
  if (uninterruptedSha256 !== null) say(`sha256 of an uninterrupted run: ${uninterruptedSha256}`);
  for (const problem of result.problems) say(`! ${problem}`);
  say(result.ok ? 'Each event counts once.' : 'It does not hold.');
}

const signal = stopSignal();
try {
  const options = parseChaosOptions(process.argv.slice(2));
  if (options === null) say(USAGE);
  else {
    const result = await runChaos(
      options,
      (sentence) => process.stderr.write(`${sentence}\n`),
      signal,
    );
    if (options.json) sayJson(result);
    else print(result);
    if (!result.ok) process.exitCode = 1;
  }
} catch (error) {
  if (signal.aborted) {
    process.stderr.write(
      'interrupted: its processes and its broker have ended, nothing was checked\n',
    );
    process.exitCode = EXIT_INTERRUPTED;
  } else {
    report(error);
    process.exitCode = exitCodeOf(error);
  }
}
// Idle connections would keep the process for a while; what was written comes out first.
process.stdout.write('', () => process.exit());
