import type { Clock } from '../clock.js';
import type { Config } from '../config.js';
import { Engine, type EngineParts } from '../online/engine.js';
import { Learner } from '../online/learner.js';
import { Preprocessor } from '../online/preprocess/preprocessor.js';
import { Prequential } from '../online/prequential.js';
import type { Recommender } from '../online/serving/recommender.js';
import type { ChosenTower } from '../online/tower/backend.js';
import { outputTopics, RecordMaker } from '../producers/records.js';
import type { Serde } from '../serde/serde.js';
import { ListEncoder } from '../serving/encoded.js';
import { InlineLists } from '../serving/inline.js';
import { modelOf, recommenderOf } from '../serving/settings.js';
import { ServingThread } from '../serving/thread.js';
import { EventDecoder } from '../tasks/event-decoder.js';
import type { ListMaker } from '../tasks/lists.js';
import { ModelReplica } from '../tasks/replica.js';

/** What a process learns and answers with: one of each, shared by its tasks. */
export interface Learning {
  readonly replica: ModelReplica;
  readonly engine: Engine;
  /** Answers questions, out of the process's model. */
  readonly recommender: Recommender;
  /** Makes the lists of cycles. */
  readonly lists: ListMaker;
  /** That which makes them, where it is a thread. */
  readonly thread: ServingThread | null;
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
  /** Whether a thread makes the lists of cycles; default: no. */
  readonly servingThread?: boolean;
  /** Makes the engine in a way of its own. */
  readonly engine?: (parts: EngineParts) => Engine;
}

/** Makes them out of the settings, around one empty model. */
export function createLearning(options: LearningOptions): Learning {
  const { config, serde, clock } = options;
  const { tower } = options.tower;
  const model = modelOf(config);
  const schemaId = () => serde.lists.id;
  const thread =
    options.servingThread === true
      ? new ServingThread({
          app: config.appId,
          settings: config,
          backend: options.tower.backend,
          schemaId,
          model,
        })
      : null;
  const replica = new ModelReplica(model, thread);
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
  const recommender = recommenderOf(model, tower, config);
  const encoder = new ListEncoder(model, recommender, clock.now);
  const lists = thread ?? new InlineLists(config.appId, encoder, schemaId);
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
  return { replica, engine, recommender, lists, thread, decoder, records };
}
