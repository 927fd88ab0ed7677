/** ComponentStatus: asked for by old dashboards; made when it is asked for, of what this server itself depends on. */
import type { KubeObject, Shared } from '../../api/kind.ts';
import { notFound } from '../../api/machinery/status.ts';
import type { ApiContext } from '../context.ts';
import { DerivedEntry } from '../registry/resource.ts';
import type { Answer, Call } from '../verbs/call.ts';
import { parseSelection } from '../verbs/selection.ts';

/** GET and LIST. The store has the name that upstream gives it; controllers and scheduler are not asked: they are clients. */
export async function answerComponentStatus(api: ApiContext, call: Call): Promise<Answer> {
  const { kind } = call.resource;
  const store = {
    kind: kind.kind,
    apiVersion: kind.apiVersion,
    metadata: { name: 'etcd-0' },
    conditions: [await storeHealth(api)],
  } as unknown as Shared<KubeObject>;
  const entry = new DerivedEntry('etcd-0', 0, store);
  if (call.name) {
    if (call.name !== 'etcd-0') throw notFound(kind, call.name);
    return { code: 200, entry, kind };
  }
  const { matches } = parseSelection(kind, call.options);
  return { code: 200, list: { kind, entries: !matches || matches(store) ? [entry] : [], resourceVersion: '' } };
}

async function storeHealth(api: ApiContext) {
  try {
    if (api.sharedStore) await api.cache.makeConsistent();
    return { type: 'Healthy', status: 'True', message: 'ok' };
  } catch (error) {
    return { type: 'Healthy', status: 'False', error: error instanceof Error ? error.message : String(error) };
  }
}
