import type { Clock } from '../clock.js';
import type { Config } from '../config.js';
import { Engine, type EngineParts } from '../online/engine.js';
import { simdMemory } from '../online/kernels/memory.js';
import { scan } from '../online/kernels/simd-scan.js';
import { Learner } from '../online/learner.js';
import { Model } from '../online/model.js';
import { Preprocessor } from '../online/preprocess/preprocessor.js';
import { Prequential } from '../online/prequential.js';
import { Recommender } from '../online/serving/recommender.js';
import type { ChosenTower } from '../online/tower/backend.js';
import { outputTopics, RecordMaker } from '../producers/records.js';
import type { Serde } from '../serde/serde.js';
import { EventDecoder } from '../tasks/event-decoder.js';
import { ModelReplica } from '../tasks/replica.js';

/** What a process learns and answers with: one of each, shared by its tasks. */
export interface Learning {
  readonly replica: ModelReplica;
  readonly engine: Engine;
  readonly recommender: Recommender;
  readonly decoder: EventDecoder;
  readonly records: RecordMaker;
}

export interface LearningOptions {
  readonly config: Config;
  readonly tower: ChosenTower;
  readonly serde: Serde;
  /** Id of this process, new at each start. */
  readonly process: string;
  readonly clock: Clock;
  /** Makes the engine in a way of its own. */
  readonly engine?: (parts: EngineParts) => Engine;
}

/** Makes them out of the settings, around one empty model. */
export function createLearning(options: LearningOptions): Learning {
  const { config, serde, clock } = options;
  const { tower } = options.tower;
  const model = new Model(
    {
      seed: config.learner.seed,
      dimension: config.learner.dimension,
      initialScale: config.learner.initialScale,
      mode: config.learner.mode,
    },
    simdMemory(config.learner.dimension) ?? undefined,
  );
  const replica = new ModelReplica(model);
  const preprocessor = new Preprocessor(config);
  const learner = new Learner(model, tower, config.learner);
  const makeEngine = options.engine ?? ((engineParts: EngineParts) => new Engine(engineParts));
  const engine = makeEngine({
    model,
    learner,
    preprocessor,
    prequential: new Prequential(model, tower, {
      seed: config.learner.seed,
      encoder: learner.encoder,
      blend: learner.options,
    }),
  });
  const recommender = new Recommender(model, tower, {
    exclude: config.excludeTouched === 'same-domain' ? 'domain' : config.excludeTouched,
    encoder: learner.encoder,
    blend: learner.options,
    because: config.becauseItems,
    mostOfCategory: config.mostOfCategory,
    scan,
  });
  const decoder = new EventDecoder(serde, preprocessor);
  const records = new RecordMaker({
    app: config.appId,
    process: options.process,
    maxRecordBytes: config.maxRecordBytes,
    topics: outputTopics(config),
    serde,
    model,
    now: clock.now,
  });
  return { replica, engine, recommender, decoder, records };
}
