import { Command } from 'commander';
import { describeConfig } from '../config.js';
import { type CommonOptions, withCommon } from './arguments.js';
import { settingsOf } from './context.js';
import { say, sayJson, table } from './output.js';

/** `isthmus config`: what is in force. */
export function configCommand(): Command {
  const command = new Command('config')
    .description('Print the settings in force, secrets hidden')
    .option('--json', 'print an array of settings with value, source, default and meaning', false);
  return withCommon(command, [
    'isthmus config',
    'ISTHMUS_TOP_N=20 isthmus config --config settings.json --json',
  ]).action((options: CommonOptions & { json: boolean }) => {
    const settings = describeConfig(settingsOf(options));
    if (options.json) return sayJson(settings);
    const rows = settings.map(({ name, value, unit, source }) => {
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      return [name, `${text ?? ''} ${unit}`.trim(), source];
    });
    say(table(['setting', 'value', 'from'], rows));
  });
}
