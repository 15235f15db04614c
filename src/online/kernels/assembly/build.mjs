/**
 * Builds ../simd-binary.ts from the AssemblyScript beside this file, unless it is up to date. The
 * result is checked in, so that tests and tools run from the sources without a build.
 *
 * `--force` builds it anyway; `--check` builds nothing, and exits with 1 if it is out of date.
 */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';

const SOURCE = new URL('kernels.ts', import.meta.url);
const TARGET = new URL('../simd-binary.ts', import.meta.url);

/** What the binary is made of: the source and the settings of the compiler. */
const OPTIONS = [
  ...['--optimizeLevel', '3', '--shrinkLevel', '0', '--converge', '--noAssert'],
  ...['--runtime', 'stub', '--importMemory', '--initialMemory', '1', '--enable', 'simd'],
  ...['--outFile', 'kernels.wasm'],
];

const source = await readFile(SOURCE, 'utf8');
const hash = createHash('sha256').update(OPTIONS.join(' ')).update(source).digest('hex');
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
  const text = `// Made by assembly/build.mjs from assembly/kernels.ts. Do not edit.

/** SHA-256 of the compiler's options and the source. */
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
  const { error, stderr } = await asc.main(['kernels.ts', ...OPTIONS], {
    readFile: (name) => (name === 'kernels.ts' ? source : null),
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
