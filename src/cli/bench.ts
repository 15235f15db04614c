import { resolve } from 'node:path';
import { Command } from 'commander';
import { whole } from './arguments.js';
import { BENCHES, benchesNamed } from './bench/benches.js';
import { type Figure, figureTable, jsonLine } from './bench/figures.js';
import { say } from './output.js';
import { EXIT_INTERRUPTED, stopSignal } from './signals.js';

interface BenchOptions {
  readonly json: boolean;
  readonly list: boolean;
  readonly cpuProf?: string;
  readonly rounds?: number;
  readonly minutes?: number;
}

/** `isthmus bench`: what the parts and the whole can do on this machine. */
export function benchCommand(): Command {
  return new Command('bench')
    .description('Measure the speed of the parts and of the whole')
    .argument('[names...]', 'which benches; all where none is named')
    .option('--json', 'print a line {name, value, unit, ratio?, against?} per figure', false)
    .option('--cpu-prof <folder>', 'write CPU profiles of the services there (.cpuprofile)')
    .option('--rounds <n>', 'of exactly-once-overhead (6) and tracing (8)', whole(1, 1000))
    .option('--minutes <n>', 'of the soak, other than 10', whole(1, 10_000))
    .option('--list', 'print the names of the benches', false)
    .addHelpText(
      'after',
      `
Benches:
${BENCHES.map(({ name, summary }) => `  ${name.padEnd(22)} ${summary}`).join('\n')}

Each takes up to a minute and a half (handover, exactly-once-overhead and tracing: five). Those that need a Kafka start one of their own, on
127.0.0.1, and stop it. docs/benchmarks.md says what is measured and how.

Examples:
  isthmus bench learner serving
  isthmus bench e2e --json`,
    )
    .action(async (names: string[], options: BenchOptions) => {
      if (options.list) {
        for (const { name } of BENCHES) say(name);
        return;
      }
      const rows = benchesNamed(names);
      const signal = stopSignal();
      for (const { name, summary, load } of rows) {
        if (!options.json) say(`\n${name}: ${summary}`);
        const figures: Figure[] = [];
        const bench = await load();
        try {
          await bench({
            report: (figure) => {
              if (options.json) say(jsonLine(figure));
              else figures.push(figure);
            },
            signal,
            rounds: options.rounds,
            minutes: options.minutes,
            profileDir: options.cpuProf === undefined ? null : resolve(options.cpuProf),
          });
        } catch (error) {
          if (!signal.aborted) throw error;
        }
        if (figures.length > 0) say(figureTable(figures));
        if (signal.aborted) {
          process.exitCode = EXIT_INTERRUPTED;
          return;
        }
      }
    });
}
