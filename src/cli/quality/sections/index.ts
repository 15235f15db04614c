import { ablation } from './ablation.js';
import { coldStart } from './cold-start.js';
import { content } from './content.js';
import { encoders } from './encoders.js';
import { movielens } from './movielens.js';
import { peers } from './peers.js';
import type { Section } from './section.js';
import { shift } from './shift.js';

export type { Made, Section, SectionContext } from './section.js';

/** All sections, in the order of the page. */
export const SECTIONS: readonly Section[] = [
  movielens,
  peers,
  coldStart,
  ablation,
  content,
  encoders,
  shift,
];
