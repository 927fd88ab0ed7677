/** metrics.k8s.io: what nodes and pods use, for `kubectl top` and autoscalers (instead of a metrics-server). */
import type { KubeObject, Shared } from '../../api/kind.ts';
import { notFound } from '../../api/machinery/status.ts';
import { formatTime } from '../../base/clock.ts';
import type { ApiContext } from '../context.ts';
import { DerivedEntry, keyPrefix } from '../registry/resource.ts';
import type { Answer, Call } from '../verbs/call.ts';
import { parseSelection } from '../verbs/selection.ts';
import { readUsage } from './usage.ts';

const window = '10s';

/** GET and LIST of NodeMetrics and PodMetrics. */
export async function answerMetrics(api: ApiContext, call: Call): Promise<Answer> {
  const objects = call.resource.kind.plural === 'nodes' ? await nodeMetrics(api, call) : await podMetrics(api, call);
  const { kind } = call.resource;
  if (call.name) {
    const found = objects.find(({ metadata }) => metadata.name === call.name);
    if (!found) throw notFound(kind, call.name);
    return { code: 200, entry: new DerivedEntry('', 0, found), kind };
  }
  const { matches } = parseSelection(kind, call.options);
  const entries = objects
    .filter((object) => !matches || matches(object))
    .map((object) => new DerivedEntry(object.metadata.name, 0, object));
  return { code: 200, list: { kind, entries, resourceVersion: '' } };
}

function made(call: Call, source: Shared<KubeObject>, at: number, content: object): Shared<KubeObject> {
  const { name, namespace, labels } = source.metadata;
  const time = formatTime(at);
  return {
    kind: call.resource.kind.kind,
    apiVersion: call.resource.kind.apiVersion,
    metadata: { name, ...(namespace ? { namespace } : {}), ...(labels ? { labels } : {}), creationTimestamp: time },
    timestamp: time,
    window,
    ...content,
  } as unknown as Shared<KubeObject>;
}

async function nodeMetrics(api: ApiContext, call: Call): Promise<Shared<KubeObject>[]> {
  const usage = await readUsage(api);
  const stored = api.registry.storage('', 'nodes')!;
  const out: Shared<KubeObject>[] = [];
  for (const entry of stored.cache.snapshot().range(stored.prefix)) {
    const found = usage.get(entry.object.metadata.name);
    if (found?.node) out.push(made(call, entry.object, found.at, { usage: found.node }));
  }
  return out;
}

async function podMetrics(api: ApiContext, call: Call): Promise<Shared<KubeObject>[]> {
  const usage = await readUsage(api);
  const stored = api.registry.storage('', 'pods')!;
  const out: Shared<KubeObject>[] = [];
  for (const entry of stored.cache.snapshot().range(keyPrefix(stored, call.namespace))) {
    const { spec, metadata } = entry.object as Shared<KubeObject> & { spec?: { nodeName?: string } };
    const found = spec?.nodeName ? usage.get(spec.nodeName) : undefined;
    const containers = found?.pods.get(`${metadata.namespace}/${metadata.name}`);
    if (found && containers) out.push(made(call, entry.object, found.at, { containers }));
  }
  return out;
}
