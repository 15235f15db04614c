/**
 * Builds ../simd-binary.ts from the AssemblyScript beside this file, unless it is up to date. The
 * result is checked in, so that tests and tools run from the sources without a build.
 *
 * `--force` builds it anyway; `--check` builds nothing, and exits with 1 if it is out of date.
 */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';

const FILES = [
  'kernels.ts',
  'learning.ts',
  'neighbours.ts',
  'tower.ts',
  'examples.ts',
  'sums.ts',
  'decoding.ts',
];
const TARGET = new URL('../simd-binary.ts', import.meta.url);

/** What the binary is made of: the source and the settings of the compiler. */
const OPTIONS = [
  ...['--optimizeLevel', '3', '--shrinkLevel', '0', '--converge', '--noAssert'],
  ...['--runtime', 'stub', '--importMemory', '--initialMemory', '1', '--enable', 'simd'],
  ...['--outFile', 'kernels.wasm'],
];

const sources = new Map();
for (const name of FILES) {
  sources.set(name, await readFile(new URL(name, import.meta.url), 'utf8'));
}
const hash = createHash('sha256')
  .update([...OPTIONS, ...sources.values()].join(' '))
  .digest('hex');
const present = await readFile(TARGET, 'utf8').catch(() => '');
const stale = !present.includes(hash);
if (process.argv.includes('--check')) {
  if (stale) process.stderr.write('simd-binary.ts is out of date: run npm run build\n');
  process.exitCode = stale ? 1 : 0;
} else if (stale || process.argv.includes('--force')) {
  const binary = await compile();
  const lines =
    Buffer.from(binary)
      .toString('base64')
      .match(/.{1,88}/g) ?? [];
  const text = `// Made by assembly/build.mjs from the sources in assembly/. Do not edit.

/** SHA-256 of the compiler's options and the sources. */
export const SOURCE_HASH = '${hash}';

/** The WebAssembly module in base64. */
export const BINARY = [
${lines.map((line) => `  '${line}',`).join('\n')}
].join('');
`;
  await writeFile(TARGET, text);
}

async function compile() {
  const { default: asc } = await import('assemblyscript/asc');
  let binary = null;
  const { error, stderr } = await asc.main([...FILES, ...OPTIONS], {
    readFile: (name) => sources.get(name) ?? null,
    writeFile: (name, contents) => {
      if (name === 'kernels.wasm') binary = contents;
    },
    listFiles: () => [],
  });
  if (error !== null || binary === null) {
    throw new Error(`The kernels do not compile: ${stderr.toString()}`, { cause: error });
  }
  return binary;
}
