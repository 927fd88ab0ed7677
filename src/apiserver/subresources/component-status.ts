/** ComponentStatus: asked for by old dashboards; made when it is asked for. */
import type { KubeObject, Shared } from '../../api/kind.ts';
import { notFound } from '../../api/machinery/status.ts';
import type { ComponentCondition } from '../../api/types/core-v1.ts';
import type { ApiContext } from '../context.ts';
import { DerivedEntry } from '../registry/resource.ts';
import type { Answer, Call } from '../verbs/call.ts';
import { parseSelection } from '../verbs/selection.ts';

/** GET and LIST of the parts of the control plane by their names upstream; the store is `etcd-0` whatever it is. */
export async function answerComponentStatus(api: ApiContext, call: Call): Promise<Answer> {
  const { kind } = call.resource;
  const names = ['scheduler', 'controller-manager', 'etcd-0'].filter((name) => !call.name || name === call.name);
  const statuses = await Promise.all(
    names.map(
      async (name) =>
        ({
          kind: kind.kind,
          apiVersion: kind.apiVersion,
          metadata: { name },
          conditions: [await healthOf(api, name)],
        }) as unknown as Shared<KubeObject>,
    ),
  );
  const entryOf = (status: Shared<KubeObject>) => new DerivedEntry(status.metadata.name, 0, status);
  if (call.name) {
    if (!statuses[0]) throw notFound(kind, call.name);
    return { code: 200, entry: entryOf(statuses[0]), kind };
  }
  const { matches } = parseSelection(kind, call.options);
  const entries = statuses.filter((status) => !matches || matches(status)).map(entryOf);
  return { code: 200, list: { kind, entries, resourceVersion: '' } };
}

async function healthOf(api: ApiContext, name: string): Promise<ComponentCondition> {
  const check = name === 'etcd-0' ? () => storeProblem(api) : api.components[name];
  if (!check) {
    return { type: 'Healthy', status: 'Unknown', message: 'this API server was started without it' };
  }
  try {
    const problem = await check();
    if (problem === undefined) return { type: 'Healthy', status: 'True', message: 'ok' };
    return { type: 'Healthy', status: 'False', message: problem };
  } catch (error) {
    return { type: 'Healthy', status: 'False', error: error instanceof Error ? error.message : String(error) };
  }
}

async function storeProblem(api: ApiContext): Promise<undefined> {
  if (api.sharedStore) await api.cache.makeConsistent();
}
