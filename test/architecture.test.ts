import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const src = fileURLToPath(new URL('../src/', import.meta.url));

interface Import {
  readonly file: string;
  /** `online`, or `main.ts` for a file that stands in no room. */
  readonly from: string;
  /** A room, or the name of a package. */
  readonly to: string;
  readonly target: string;
}

function imports(): Import[] {
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.includes(`kernels${sep}assembly`))
    .flatMap((file) => importsOf(file, readFileSync(join(src, file), 'utf8')));
}

/** Static, dynamic and type imports, and re-exports: the room is known either way. */
function importsOf(file: string, text: string): Import[] {
  const code = text.replaceAll(/^\s*(\/?\*|\/\/).*$/gm, '');
  const found = code.matchAll(
    /(?:^(?:import|export)\b[^'";]*?\bfrom\s*|^import\s*|\bimport\(\s*)'([^']+)'/gm,
  );
  return [...found].map(([, specifier = '']) => {
    const target = specifier.startsWith('.')
      ? normalize(join(dirname(file), specifier))
      : specifier;
    const to = specifier.startsWith('.') ? roomOf(target) : specifier;
    return { file, from: roomOf(file), to, target };
  });
}

function roomOf(path: string): string {
  return path.split(sep)[0]!.replace(/\.js$/, '.ts');
}

/** What stands in no room and everybody may use. */
const COMMON = ['errors.ts', 'diagnostics.ts', 'clock.ts', 'version.ts'];

const all = imports();
const told = (list: readonly Import[]): string[] => list.map(({ file, to }) => `${file} → ${to}`);
const between = (from: string, to: readonly string[]): string[] =>
  told(all.filter((edge) => edge.from === from && to.includes(edge.to)));

describe('the house', () => {
  it('is read as it stands: imports of every kind are seen', () => {
    const text =
      "import a from 'a';\nimport type { B } from './b.js';\nexport * from '../c/d.js';\nconst e = await import('e');\nimport 'f';\n// import g from 'g'";
    expect(importsOf('room/file.ts', text).map(({ to }) => to)).toEqual([
      'a',
      'room',
      'c',
      'e',
      'f',
    ]);
    expect(all.length).toBeGreaterThan(200);
  });

  it('keeps the learner pure: it imports itself, TensorFlow.js and hashes, nothing else', () => {
    const allowed = /^(online|@tensorflow\/tfjs-(core|backend-cpu|backend-wasm|node)|node:crypto)$/;
    expect(told(all.filter(({ from, to }) => from === 'online' && !allowed.test(to)))).toEqual([]);
  });

  it('keeps consumers and producers apart', () => {
    expect(between('consumers', ['producers'])).toEqual([]);
    expect(between('producers', ['consumers'])).toEqual([]);
  });

  it('keeps the transport ignorant of what its bytes mean', () => {
    const own = ['transport', 'errors.ts', 'kafkajs'];
    const foreign = all.filter(
      ({ from, to }) => from === 'transport' && !own.includes(to) && !to.startsWith('node:'),
    );
    expect(told(foreign)).toEqual([]);
  });

  it('keeps kafkajs behind the transport, and Avro behind the serde', () => {
    const where = (name: RegExp, rooms: readonly string[]) =>
      told(all.filter(({ from, to }) => name.test(to) && !rooms.includes(from)));
    // The bench measures against bare kafkajs.
    expect(where(/^kafkajs$/, ['transport', 'cli'])).toEqual([]);
    expect(
      told(all.filter(({ file, to }) => to === 'kafkajs' && /^cli[/\\](?!bench)/.test(file))),
    ).toEqual([]);
    expect(where(/^avsc$|schema-registry/, ['serde'])).toEqual([]);
    expect(where(/^prom-client$/, ['metrics'])).toEqual([]);
    expect(where(/^fastify$/, ['http'])).toEqual([]);
    expect(where(/^commander$/, ['cli'])).toEqual([]);
  });

  it('lets the core know nothing of those who watch it', () => {
    for (const core of ['tasks', 'consumers', 'producers', 'serde', 'transport', 'online']) {
      expect(between(core, ['http', 'metrics'])).toEqual([]);
    }
  });

  it('lets main and cli alone know all the rooms', () => {
    for (const hub of ['main.ts', 'cli', 'cli.ts']) {
      const known = all.filter(({ from, to }) => to === hub && !['cli', 'cli.ts'].includes(from));
      expect(told(known)).toEqual([]);
    }
    // Repartitioning is a stream task of another kind; serving makes the lists that tasks ask for; metrics read the view that HTTP serves.
    const allowed: Record<string, readonly string[]> = {
      tasks: ['main.ts', 'main', 'cli', 'repartition', 'items', 'serving'],
      items: ['main.ts', 'main', 'cli'],
      http: ['main.ts', 'main', 'cli', 'metrics'],
      metrics: ['main.ts', 'telemetry'],
      evaluate: ['cli'],
      // Chaos breaks a broker of its own.
      broker: ['cli', 'chaos'],
    };
    for (const [room, knowing] of Object.entries(allowed)) {
      const others = all.filter(
        ({ from, to }) => to === room && from !== room && !knowing.includes(from),
      );
      expect(told(others)).toEqual([]);
    }
  });

  it('lets what is common depend on nothing but the words of the learner', () => {
    const heavy = all.filter(
      ({ from, to }) =>
        COMMON.includes(from) && to !== 'online' && !to.startsWith('node:') && !COMMON.includes(to),
    );
    expect(told(heavy)).toEqual([]);
  });

  it('starts the command line with commander alone: rooms are loaded by the command that needs them', () => {
    const heavy = /^(main\.ts|tasks|http|transport|broker|online|serde|evaluate|metrics)$/;
    const early = readEarly('cli.ts');
    expect(early.filter(({ to }) => heavy.test(to)).map(({ file }) => file)).toEqual([]);
  });
});

/** The static imports, of values, that loading this file brings about. */
function readEarly(file: string, seen = new Set<string>()): Import[] {
  if (seen.has(file)) return [];
  seen.add(file);
  const text = readFileSync(join(src, file), 'utf8')
    .replaceAll(/^(import|export) type [^;]+;/gm, '')
    .replaceAll(/\bimport\('[^']+'\)/g, '');
  return importsOf(file, text).flatMap((edge) => [
    edge,
    ...(edge.target.endsWith('.js') ? readEarly(edge.target.replace(/\.js$/, '.ts'), seen) : []),
  ]);
}
