import { learning } from './learning.js';
import { overview } from './overview.js';
import { stream } from './stream.js';

/** The dashboards by the name of their files in `dashboards/`. */
export const DASHBOARDS = {
  overview: overview.build(),
  learning: learning.build(),
  stream: stream.build(),
} as const;
