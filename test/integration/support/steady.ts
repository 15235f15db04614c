/**
 * Properties of a broker that no test kills: it counts as there however long it gets no CPU. One that was killed
 * would be let in again only when the session of its former life has ended.
 */
export const STEADY = { 'broker.session.timeout.ms': 120_000 };
