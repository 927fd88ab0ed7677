/** Starts the admission chain, with the server itself as its client. */
import { createInformerSet } from '../../client/informer-set.ts';
import { buildAdmissionChain } from '../admission/chain.ts';
import type { ApiContext } from '../context.ts';

export interface AdmissionSettings {
  readonly enable?: readonly string[];
  readonly disable?: readonly string[];
  readonly configuration?: Readonly<Record<string, unknown>>;
}

/** Resolves when the plugins have what they need to decide; requests pass without admission until then. */
export async function startAdmission(api: ApiContext, settings: AdmissionSettings): Promise<{ stop(): void }> {
  const client = api.loopback();
  const { clock, random, log, metrics, authorizer } = api;
  const informers = createInformerSet(client, { clock, log, random });
  api.admission = buildAdmissionChain(
    {
      client,
      informers,
      authorizer,
      clock,
      random,
      log: log.child({ part: 'admission' }),
      metrics,
      resolveKind: (group, version, plural) => api.registry.resolve(group, version, plural)?.hub,
      kindNamed: (group, version, kind) => api.registry.byKind(group, version, kind)?.kind,
    },
    settings,
  );
  await informers.whenSynced();
  return { stop: () => informers.stop() };
}
