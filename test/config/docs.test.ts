import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { settingsTable } from '../../src/config.js';
import { DEFAULT_ACTION_WEIGHTS } from '../../src/online/preprocess/weights.js';

const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
const rows = page
  .split('\n')
  .filter((line) => /^\| `[A-Z]/.test(line))
  .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()));

it('docs/configuration.md has each setting, with its property, default and unit, and no other', () => {
  const documented = rows.map(([, name, property, fallback, unit]) => [
    name,
    property,
    fallback,
    unit,
  ]);
  const code = settingsTable.map((row) => [
    `\`${row.env}\``,
    `\`${row.path}\``,
    row.fallbackText === ''
      ? ''
      : row.fallbackText === 'see below'
        ? 'see below'
        : `\`${row.fallbackText}\``,
    row.unit,
  ]);
  expect(documented.sort()).toEqual(code.sort());
});

it('docs/configuration.md has the weights of actions that are in force', () => {
  const json = /```json\n([^`]*"view"[^`]*)```/.exec(page)?.[1] ?? '';
  expect(JSON.parse(json)).toEqual(DEFAULT_ACTION_WEIGHTS);
});
