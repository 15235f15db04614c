#!/usr/bin/env node
/**
 * Builds the native half of @tensorflow/tfjs-node out of package registries: its own installer wants a
 * host that is often out of reach, so .npmrc keeps it from running.
 *
 *     npm run tfjs-node:install               build, unless it works already
 *     npm run tfjs-node:install -- --check    say whether it works; exit code 0 or 1
 *     npm run tfjs-node:install -- --force    build again
 *     npm run tfjs-node:install -- --copy     copy the libraries (for an image) instead of linking them
 *
 * 1. The PyPI package tensorflow-cpu has the libraries and the C headers (a wheel of 207 MB). They, and
 *    the addon once it is compiled, are kept in $ISTHMUS_CACHE or ~/.cache/isthmus, under tfjs-node: after
 *    `npm ci`, which wipes node_modules, the same command takes about a second.
 * 2. `deps/` of the package gets the names that its loader and ours expect.
 * 3. g++ compiles two files into lib/napi-v<n>/tfjs_binding.node, where its JavaScript half looks.
 *
 * Without it everything works, on the backends that need no addon: docs/backends.md.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const WHEEL = {
  requirement: 'tensorflow-cpu==2.15.1',
  python: '3.11',
  platform: 'manylinux2014_x86_64',
  sha256: '54660c074d7241a503e81edfd9f5ef5af88f64051b72e2945f26318c790f2d26',
};
/** Names that the linker and the loader ask for, and the library behind each. */
const LIBRARIES = [
  ['libtensorflow.so', 'libtensorflow_cc.so.2'],
  ['libtensorflow_framework.so', 'libtensorflow_framework.so.2'],
];
const PROBE = `
const tf = require('@tensorflow/tfjs-node');
const right = tf.getBackend() === 'tensorflow' && tf.matMul([[1, 2]], [[3], [4]]).dataSync()[0] === 11;
if (!right) throw new Error('it loads, and gives wrong products');`;

const project = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const home = join(project, 'node_modules/@tensorflow/tfjs-node');
const options = new Set(process.argv.slice(2));

/** What is missing, and what to do about it; ends the process with 1. */
class Refusal extends Error {}

function refuse(message) {
  throw new Refusal(message);
}

function say(message) {
  process.stdout.write(`tfjs-node: ${message}\n`);
}

/** null if the addon works, else the reason. */
function fault() {
  const result = spawnSync(process.execPath, ['-e', PROBE], {
    cwd: project,
    encoding: 'utf8',
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' },
  });
  if (result.status === 0) return null;
  const lines = result.stderr.split('\n').filter((line) => /^\w*Error:/.test(line));
  return (lines[0] ?? `the process ended with ${result.status ?? result.signal}`).trim();
}

function has(command, ...args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

function run(what, command, args, cwd = project) {
  try {
    execFileSync(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
  } catch (cause) {
    refuse(`${what} failed (${cause.code ?? `exit code ${cause.status}`}); see above`);
  }
}

/** Everything that is needed and not there, in one message. */
function requirePlatform() {
  const { platform, arch } = process;
  if (platform !== 'linux' || arch !== 'x64') {
    refuse(`can be built on linux x64, and this is ${platform} ${arch}`);
  }
  if (!existsSync(join(home, 'binding'))) {
    refuse('the JavaScript half is missing: run `npm ci` first, without --omit=optional');
  }
}

function requireTools(downloads) {
  const missing = [];
  if (!has('g++', '--version')) missing.push('g++ (Debian: apt-get install g++)');
  if (downloads && !has('python3', '--version')) {
    missing.push('python3 with pip (Debian: apt-get install python3-pip)');
  } else if (downloads && !has('python3', '-m', 'pip', '--version')) {
    missing.push('pip for python3 (Debian: apt-get install python3-pip)');
  }
  if (missing.length > 0) refuse(`needs ${missing.join(' and ')}; nothing has been changed`);
}

function sha256(file) {
  return new Promise((done, failed) => {
    const hash = createHash('sha256');
    createReadStream(file)
      .on('error', failed)
      .on('data', (chunk) => hash.update(chunk))
      .on('end', () => done(hash.digest('hex')));
  });
}

const UNPACK = `
import os, shutil, sys, zipfile
wheel, out = sys.argv[1:]
inside = 'tensorflow/include/'
headers = tuple(inside + part for part in (
    'tensorflow/c/', 'tsl/c/', 'tensorflow/core/platform/ctstring', 'tsl/platform/ctstring'))
archive = zipfile.ZipFile(wheel)
for name in archive.namelist():
    base = os.path.basename(name)
    if base in ('libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'):
        to = os.path.join(out, 'lib', base)
    elif name.endswith('.h') and name.startswith(headers):
        to = os.path.join(out, 'include', name[len(inside):])
    else:
        continue
    os.makedirs(os.path.dirname(to), exist_ok=True)
    with archive.open(name) as source, open(to, 'wb') as target:
        shutil.copyfileobj(source, target, 1 << 22)
`;

/** Fetches and unpacks into a folder beside, which then takes its name: a half is never taken for whole. */
async function fetchLibraries(libraries) {
  mkdirSync(dirname(libraries), { recursive: true });
  const work = mkdtempSync(`${libraries}.`);
  try {
    say(`fetching ${WHEEL.requirement} with pip (207 MB, once)`);
    const args = ['-m', 'pip', 'download', '-q', '--no-deps', '--only-binary=:all:'];
    args.push('--disable-pip-version-check', '--platform', WHEEL.platform);
    args.push('--python-version', WHEEL.python, '-d', work, WHEEL.requirement);
    run('pip download', 'python3', args);
    const wheel = readdirSync(work).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) refuse('pip download brought no wheel');
    const found = await sha256(join(work, wheel));
    if (found !== WHEEL.sha256) refuse(`${wheel} has the SHA-256 ${found}, not ${WHEEL.sha256}`);
    const out = join(work, 'out');
    run('unpacking the wheel', 'python3', ['-c', UNPACK, join(work, wheel), out]);
    for (const [name, library] of LIBRARIES) symlinkSync(library, join(out, 'lib', name));
    symlinkSync('libtensorflow_cc.so.2', join(out, 'lib', 'libtensorflow.so.2'));
    rmSync(libraries, { recursive: true, force: true });
    renameSync(out, libraries);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The folder of node_api.h: Node's own headers, or those of the npm package, kept in the cache. */
function nodeHeaders(cache) {
  const own = join(dirname(process.execPath), '../include/node');
  const kept = join(cache, 'node-api-headers');
  const places = [
    own,
    '/usr/include/node',
    '/usr/local/include/node',
    join(kept, 'package/include'),
  ];
  const found = places.find((place) => existsSync(join(place, 'node_api.h')));
  if (found !== undefined) return found;
  mkdirSync(kept, { recursive: true });
  run('npm pack node-api-headers', 'npm', ['pack', '--silent', 'node-api-headers@1.5.0'], kept);
  const archive = readdirSync(kept).find((name) => name.endsWith('.tgz'));
  run('unpacking node-api-headers', 'tar', ['-xzf', archive], kept);
  return places.at(-1);
}

/** deps/ of the package: links into the cache, or copies. */
function layOutLibraries(libraries) {
  const deps = join(home, 'deps');
  rmSync(deps, { recursive: true, force: true });
  mkdirSync(deps, { recursive: true });
  for (const folder of ['lib', 'include']) {
    const [from, to] = [join(libraries, folder), join(deps, folder)];
    if (options.has('--copy')) cpSync(from, to, { recursive: true, verbatimSymlinks: true });
    else symlinkSync(from, to);
  }
}

function compile(cache, api, addon) {
  const includes = [nodeHeaders(cache), join(home, 'deps/include')].map((place) => `-I${place}`);
  const building = `${addon}.${process.pid}`;
  mkdirSync(dirname(addon), { recursive: true });
  const flags = ['-O2', '-std=c++17', '-fPIC', '-shared', `-DNAPI_VERSION=${api}`, ...includes];
  const sources = ['binding/tfjs_backend.cc', 'binding/tfjs_binding.cc', '-o', building];
  const links = [`-L${join(home, 'deps/lib')}`, '-Wl,-rpath,$ORIGIN/../../deps/lib'];
  links.push('-ltensorflow', '-ltensorflow_framework');
  run('g++', 'g++', [...flags, ...sources, ...links], home);
  renameSync(building, addon);
}

async function install() {
  requirePlatform();
  if (!options.has('--force') && !options.has('--copy') && fault() === null) {
    return say('works already');
  }
  const cache = join(process.env.ISTHMUS_CACHE || join(homedir(), '.cache/isthmus'), 'tfjs-node');
  const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
  const api = Math.min(8, Number(process.versions.napi));
  const libraries = join(cache, WHEEL.requirement.replace('==', '-'));
  const addon = join(cache, `addon-${version}`, `napi-v${api}`, 'tfjs_binding.node');
  const downloads = !existsSync(join(libraries, 'lib'));
  const compiles = options.has('--force') || downloads || !existsSync(addon);
  if (downloads || compiles) requireTools(downloads);
  if (downloads) await fetchLibraries(libraries);
  layOutLibraries(libraries);
  if (compiles) {
    say('compiling the addon');
    compile(cache, api, addon);
  }
  const place = join(home, `lib/napi-v${api}`);
  mkdirSync(place, { recursive: true });
  cpSync(addon, join(place, 'tfjs_binding.node'));
  const reason = fault();
  if (reason !== null) refuse(`was built and does not work: ${reason}. Try again with --force`);
  say('works');
}

async function main() {
  const known = ['--check', '--copy', '--force'];
  const unknown = [...options].find((each) => !known.includes(each));
  if (unknown !== undefined) refuse(`${unknown} is no option; there are ${known.join(', ')}`);
  if (!options.has('--check')) return install();
  const reason = fault();
  if (reason !== null) refuse(`does not work here: ${reason}`);
  say('works');
}

try {
  await main();
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  process.stderr.write(`tfjs-node: ${error.message}\n`);
  process.exitCode = 1;
}
