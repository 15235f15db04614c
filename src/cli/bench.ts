import { Command } from 'commander';
import { IsthmusError } from '../errors.js';

/** `isthmus bench`: the place where the benchmarks come in. */
export function benchCommand(): Command {
  return new Command('bench')
    .description('Measure the speed of the parts and of the whole')
    .argument('[name]', 'one benchmark; otherwise all')
    .option('--json', 'one JSON line per figure', false)
    .addHelpText('after', '\nExamples:\n  isthmus bench\n  isthmus bench learner --json')
    .action((name: string | undefined) => {
      throw new IsthmusError(
        'ARGUMENT_INVALID',
        'usage',
        `There is no benchmark ${name ?? ''} yet: they come with the next version`,
      );
    });
}
