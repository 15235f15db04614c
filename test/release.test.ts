import { readdirSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
// @ts-expect-error: a script without types
import { isCompatible, licencesOf } from '../scripts/licences.mjs';
import { VERSION } from '../src/version.js';
import { rooted, text } from './deploy/support/files.js';

const { version, dependencies, optionalDependencies } = JSON.parse(text('package.json')) as {
  version: string;
  dependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
};

/** Made into another form before, or run out of the repository alone. */
const NOT_IN_THE_PACKAGE = /assembly|^cli\/quality/;

describe('a release', () => {
  it('has a version, told alike by package, program and change log', () => {
    expect(VERSION).toBe(version);
    expect(text('CHANGELOG.md')).toMatch(new RegExp(`^## ${version.replaceAll('.', '\\.')}$`, 'm'));
  });

  it('depends on what it imports, and on nothing that it does not', () => {
    const sources = readdirSync(rooted('src'), { recursive: true, encoding: 'utf8' }).filter(
      (file) => file.endsWith('.ts') && !NOT_IN_THE_PACKAGE.test(file),
    );
    const code = sources.map((file) => text(join('src', file))).join('\n');
    const imported = new Set(
      [...code.matchAll(/(?:from |import\(|import |require\()'([\w@][\w@./-]*)'/g)]
        .map(([, name = '']) => /^(@[^/]+\/[^/]+|[^/]+)/.exec(name)?.[0] ?? '')
        .filter((name) => !name.startsWith('node:') && !builtinModules.includes(name)),
    );
    const declared = { ...dependencies, ...optionalDependencies };
    expect([...imported].filter((name) => !(name in declared))).toEqual([]);
    const unused = Object.keys(declared).filter((name) => !code.includes(`'${name}`));
    expect(unused).toEqual([]);
  });

  it('comes with packages whose licences go with its own', () => {
    const found = licencesOf(rooted('.')) as { name: string; compatible: boolean }[];
    expect(found.length).toBeGreaterThan(50);
    expect(found.filter(({ compatible }) => !compatible)).toEqual([]);
  });

  it.each([
    ['MIT', true],
    ['(MIT OR GPL-3.0-only)', true],
    ['(BSD-3-Clause AND Apache-2.0)', true],
    ['MIT AND GPL-3.0-only', false],
    ['AGPL-3.0-only', false],
    ['unknown', false],
  ])('%s is compatible: %s', (licence, compatible) => {
    expect(isCompatible(licence)).toBe(compatible);
  });
});
