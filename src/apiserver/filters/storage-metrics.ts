/** What is stored, under upstream's metric names; counted when it is asked for. */
import type { MetricsRegistry } from '../../base/metrics.ts';
import type { Registry } from '../registry/registry.ts';

/** Registers `apiserver_resource_objects` and its older form, by resource. */
export function registerStorageMetrics(metrics: MetricsRegistry, registry: Registry): void {
  const counts = () =>
    [...registry.storages()].map(({ kind, cache, prefix }) => ({ kind, count: cache.snapshot().count(prefix) }));
  metrics.gauge('apiserver_resource_objects', 'Objects that are stored, by group and resource.', (gauge) => {
    for (const { kind, count } of counts()) gauge.set(count, { group: kind.group, resource: kind.plural });
  });
  metrics.gauge('apiserver_storage_objects', 'Objects that are stored, by resource and group in one.', (gauge) => {
    for (const { kind, count } of counts())
      gauge.set(count, { resource: kind.group ? `${kind.plural}.${kind.group}` : kind.plural });
  });
}
