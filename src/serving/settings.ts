import type { Config } from '../config.js';
import { encoderNamed } from '../online/encoders/index.js';
import { simdMemory } from '../online/kernels/memory.js';
import { scan } from '../online/kernels/simd-scan.js';
import { Model } from '../online/model.js';
import { DEFAULT_LEARNER_OPTIONS } from '../online/options.js';
import { Recommender } from '../online/serving/recommender.js';
import type { Tower } from '../online/types.js';

/** What lists depend on beside the model and the users. Plain data, so that it can be sent to a thread. */
export type ServingSettings = Pick<
  Config,
  'learner' | 'excludeTouched' | 'becauseItems' | 'mostOfCategory'
>;

/** Returns those of the settings, and nothing else of them. */
export function servingSettings(config: ServingSettings): ServingSettings {
  const { learner, excludeTouched, becauseItems, mostOfCategory } = config;
  return { learner, excludeTouched, becauseItems, mostOfCategory };
}

/** An empty model with the settings' options. */
export function modelOf({ learner }: ServingSettings): Model {
  const { seed, dimension, initialScale, mode } = learner;
  return new Model({ seed, dimension, initialScale, mode }, simdMemory(dimension) ?? undefined);
}

/** Whoever makes lists out of the model, as the settings want them. */
export function recommenderOf(model: Model, tower: Tower, settings: ServingSettings): Recommender {
  const learner = { ...DEFAULT_LEARNER_OPTIONS, ...settings.learner };
  const { excludeTouched } = settings;
  return new Recommender(model, tower, {
    exclude: excludeTouched === 'same-domain' ? 'domain' : excludeTouched,
    encoder: encoderNamed(learner.encoder, learner),
    blend: learner,
    because: settings.becauseItems,
    mostOfCategory: settings.mostOfCategory,
    scan,
  });
}
