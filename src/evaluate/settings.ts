import { nearest } from '../config/nearest.js';
import { type Config, loadConfig, settingsTable } from '../config.js';
import { IsthmusError } from '../errors.js';

/**
 * Returns the settings with others put in their place: `replay=4`, `encoder=mean`, `miniBatch=64`.
 * Names are options of the learner, or properties of Config.
 *
 * Errors (usage): SETTING_UNKNOWN for a name that is none, SETTING_INVALID for a value that the
 * table refuses.
 *
 * @param assignments `key=value`, later ones before earlier ones.
 */
export function settingsWith(
  env: Readonly<Record<string, string | undefined>>,
  file: string | undefined,
  assignments: readonly string[],
): Config {
  const given: Record<string, string | undefined> = { ...env };
  for (const assignment of assignments) {
    const at = assignment.indexOf('=');
    const name = assignment.slice(0, Math.max(0, at)).trim();
    const value = assignment.slice(at + 1).trim();
    if (at <= 0 || value === '') {
      throw new IsthmusError(
        'SETTING_INVALID',
        'usage',
        `--set is "${assignment}": wants key=value, for instance replay=4`,
      );
    }
    given[variableOf(name)] = value;
  }
  return loadConfig(given, file);
}

function variableOf(name: string): string {
  const row = settingsTable.find(({ path }) => path === `learner.${name}` || path === name);
  if (row !== undefined) return row.env;
  const known = settingsTable.map(({ path }) => path.replace(/^learner\./, ''));
  const near = nearest(name, known);
  const hint = near === undefined ? '' : ` (did you mean ${near}?)`;
  throw new IsthmusError(
    'SETTING_UNKNOWN',
    'usage',
    `--set ${name} is no setting${hint}. \`isthmus config\` lists all settings`,
  );
}
