#!/usr/bin/env node
/**
 * Lists the packages that isthmus is installed with, by licence, out of package-lock.json:
 *
 *     licences.mjs           for people
 *     licences.mjs --json    [{name, version, licence, optional, compatible}]
 *
 * Exits with 1 where one of them cannot go with Apache-2.0, or says nothing of its licence.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Permissive licences: what they ask for is that their notices are kept. */
const COMPATIBLE = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Python-2.0',
  'Unlicense',
]);

/** Whether an SPDX expression can be met: one of those joined by OR, all of those joined by AND. */
export function isCompatible(expression) {
  const options = expression.replace(/[()]/g, '').split(' OR ');
  return options.some((option) => option.split(' AND ').every((name) => COMPATIBLE.has(name)));
}

/** @param {string} root The folder of package-lock.json. */
export function licencesOf(root) {
  const { packages } = JSON.parse(readFileSync(`${root}/package-lock.json`, 'utf8'));
  return Object.entries(packages)
    .filter(([path, entry]) => path !== '' && entry.dev !== true)
    .map(([path, entry]) => {
      const licence = entry.license ?? installed(`${root}/${path}/package.json`);
      return {
        name: path.replace(/^.*node_modules\//, ''),
        version: entry.version,
        licence,
        optional: entry.optional === true,
        compatible: isCompatible(licence),
      };
    });
}

/** What the package itself says; the lock file leaves some out. */
function installed(file) {
  try {
    const { license, licenses } = JSON.parse(readFileSync(file, 'utf8'));
    return license ?? licenses?.map(({ type }) => type).join(' OR ') ?? 'unknown';
  } catch {
    return 'unknown';
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const found = licencesOf(fileURLToPath(new URL('..', import.meta.url)));
  if (process.argv.includes('--json')) {
    console.log(JSON.stringify(found, null, 2));
  } else {
    for (const licence of [...new Set(found.map((one) => one.licence))].sort()) {
      const names = found
        .filter((one) => one.licence === licence)
        .map(({ name, version, optional }) => `${name} ${version}${optional ? ' (optional)' : ''}`);
      console.log(`${licence} (${names.length})\n  ${names.join('\n  ')}\n`);
    }
  }
  const wrong = found.filter(({ compatible }) => !compatible);
  for (const { name, licence } of wrong) console.error(`${name}: ${licence} needs a look`);
  if (wrong.length > 0) process.exitCode = 1;
}
