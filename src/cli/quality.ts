import { exitCodeOf, report } from './failure.js';
import { say } from './output.js';
import { parseQualityOptions, USAGE } from './quality/options.js';
import { SECTIONS } from './quality/sections/index.js';
import { writeQuality } from './quality/write.js';

try {
  const names = SECTIONS.map(({ name }) => name);
  const options = parseQualityOptions(process.argv.slice(2), names);
  if (options === null) say(USAGE);
  else {
    const failed = await writeQuality(SECTIONS, options, (sentence) =>
      process.stderr.write(`${sentence}\n`),
    );
    if (failed.length > 0) process.exitCode = 1;
  }
} catch (error) {
  report(error);
  process.exitCode = exitCodeOf(error);
}
