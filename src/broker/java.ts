import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { javaMissing } from './errors.js';

/** Returns the java command: of $JAVA_HOME where that is set, else of the path. */
export function javaCommand(): string {
  const home = process.env.JAVA_HOME;
  return home === undefined || home === '' ? 'java' : join(home, 'bin', 'java');
}

/** Returns the major version of Java. Errors: JAVA_MISSING (usage) below 17 or where there is none. */
export function checkJava(command: string): Promise<number> {
  return new Promise((resolve, reject) => {
    execFile(command, ['-version'], (error, stdout, stderr) => {
      if (error !== null) return reject(javaMissing(null, error));
      const version = /version "([^"]+)"/.exec(stderr + stdout)?.[1] ?? 'of unknown version';
      const major = Number.parseInt(version.startsWith('1.') ? version.slice(2) : version, 10);
      if (major >= 17) resolve(major);
      else reject(javaMissing(version));
    });
  });
}

/** A running JVM whose output goes to a file. */
export interface JavaProcess {
  readonly pid: number;
  /** Fulfilled when it has ended, with its exit code (128 + signal where a signal ended it). */
  readonly exited: Promise<number>;
}

// The shell ends the JVM when our end of its standard input closes: also where we die by kill -9.
const script = `exec 3<&0
"$@" >>"$ISTHMUS_JAVA_LOG" 2>&1 </dev/null &
java=$!
echo $java
{ cat <&3 >/dev/null; kill -9 $java 2>/dev/null; } >/dev/null 2>&1 &
exec 3<&-
wait $java`;

/**
 * Starts a JVM that never outlives this process. `args` are those of `java`.
 */
export function startJava(command: string, args: string[], logFile: string): Promise<JavaProcess> {
  return new Promise((resolve, reject) => {
    const child: ChildProcess = spawn('sh', ['-c', script, 'sh', command, ...args], {
      stdio: ['pipe', 'pipe', 'ignore'],
      // A group of its own: a Ctrl-C on the terminal is for us to handle, in our order.
      detached: true,
      env: { ...process.env, ISTHMUS_JAVA_LOG: logFile },
    });
    const exited = new Promise<number>((done) => {
      child.on('exit', (code) => {
        child.stdin?.destroy();
        child.stdout?.destroy();
        done(code ?? 137);
      });
    });
    child.on('error', reject);
    child.stdin?.on('error', () => undefined);
    child.stdout?.once('data', (chunk: Buffer) => {
      resolve({ pid: Number.parseInt(chunk.toString(), 10), exited });
    });
  });
}
