import { Command } from 'commander';
import { VERSION } from '../version.js';

/** A command, and where it is: loaded only when it is called, so that `isthmus` starts at once. */
export interface CommandRow {
  readonly name: string;
  /** The command's own description, for the list of commands. */
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

/** All commands, in the order in which one meets them. See docs/commands.md. */
export const COMMANDS: readonly CommandRow[] = [
  {
    name: 'demo',
    summary: 'Replay the MovieLens ratings through a Kafka of its own and show what is learned',
    load: async () => (await import('./demo.js')).demoCommand(),
  },
  {
    name: 'kafka',
    summary: 'Start a real Kafka on this machine and keep it up until Ctrl-C',
    load: async () => (await import('./kafka.js')).kafkaCommand(),
  },
  {
    name: 'topics',
    summary: 'Make or list the topics of the application',
    load: async () => (await import('./topics.js')).topicsCommand(),
  },
  {
    name: 'run',
    summary: 'Run the service: learn the input, write recommendations, answer over HTTP',
    load: async () => (await import('./run.js')).runCommand(),
  },
  {
    name: 'produce',
    summary: 'Write the events of a CSV file to the input topic, in order per user',
    load: async () => (await import('./produce.js')).produceCommand(),
  },
  {
    name: 'recommend',
    summary: 'Ask the running service what a user would like',
    load: async () => (await import('./recommend.js')).recommendCommand(),
  },
  {
    name: 'dlq',
    summary: 'List, show or send back dead letters',
    load: async () => (await import('./dlq.js')).dlqCommand(),
  },
  {
    name: 'digest',
    summary: 'Rebuild the model from the log alone and print its hash',
    load: async () => (await import('./digest.js')).digestCommand(),
  },
  {
    name: 'verify',
    summary: 'Read the topics and say whether each input event counts exactly once',
    load: async () => (await import('./verify.js')).verifyCommand(),
  },
  {
    name: 'snapshots',
    summary: 'List, write or prune the snapshots of the model',
    load: async () => (await import('./snapshots.js')).snapshotsCommand(),
  },
  {
    name: 'evaluate',
    summary: 'Learn a file of events without Kafka, test-then-train, and print how good it was',
    load: async () => (await import('./evaluate.js')).evaluateCommand(),
  },
  {
    name: 'doctor',
    summary: 'Check all that the service needs, and say what to do where something is missing',
    load: async () => (await import('./doctor.js')).doctorCommand(),
  },
  {
    name: 'reset',
    summary: 'Delete the state, the model and the lists of the application, to begin anew',
    load: async () => (await import('./reset.js')).resetCommand(),
  },
  {
    name: 'config',
    summary: 'Print the settings in force, secrets hidden',
    load: async () => (await import('./config.js')).configCommand(),
  },
  {
    name: 'bench',
    summary: 'Measure the speed of the parts and of the whole',
    load: async () => (await import('./bench.js')).benchCommand(),
  },
];

/**
 * Returns the program for these arguments (without node and script): the command that they name is
 * loaded, the others are names and summaries. Commander's own errors are thrown, not exited on.
 */
export async function createProgram(
  args: readonly string[],
  rows: readonly CommandRow[] = COMMANDS,
): Promise<Command> {
  const program = new Command('isthmus')
    .description('Learns interests from a stream of events and carries them from domain to domain.')
    .version(VERSION)
    .exitOverride()
    .showHelpAfterError('(--help says how it is called)')
    .addHelpText(
      'after',
      `
Settings come from the environment (KAFKA_BROKERS, ISTHMUS_*) and from a file (--config).
Exit codes: 0 done, 1 failed, 2 called wrongly (a setting, an argument, a port in use, no Java).

Examples:
  isthmus demo
  isthmus kafka --data-dir ./kafka
  isthmus COMMAND --help`,
    );
  const words = args.filter((arg) => !arg.startsWith('-'));
  const wanted = words[0] === 'help' ? words[1] : words[0];
  for (const row of rows) {
    const command =
      row.name === wanted ? await row.load() : new Command(row.name).description(row.summary);
    program.addCommand(inherit(command, program));
  }
  return program;
}

/** Hands settings of the program on to a command that was made apart from it, and to what is below. */
function inherit(command: Command, from: Command): Command {
  command.copyInheritedSettings(from);
  for (const inner of command.commands) inherit(inner, command);
  return command;
}
