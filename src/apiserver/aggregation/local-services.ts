/** The APIServices of what this server answers itself: one a group and version, kept as upstream's autoregistration does. */
import { APIService } from '../../api/apiregistration/api-service.ts';
import { compareVersions } from '../../api/machinery/discovery.ts';
import { isAlreadyExists, isNotFound } from '../../api/machinery/status.ts';
import type { ApiContext } from '../context.ts';
import { groupPriority } from '../discovery/group-order.ts';

const managed = 'kube-aggregator.kubernetes.io/automanaged';

/** Makes what is missing and takes away what is no longer served; runs again when the registry changes. */
export function keepLocalServices(api: ApiContext): { settled: Promise<void>; stop(): void } {
  let running: Promise<void> | undefined;
  let again = false;
  let stopped = false;
  const wake = () => {
    if (stopped) return;
    if (running) {
      again = true;
      return;
    }
    running = settle(api)
      .catch((error) => {
        if (!stopped) api.log.warn('the APIServices of this server could not be kept', { error });
      })
      .finally(() => {
        running = undefined;
        if (again) {
          again = false;
          wake();
        }
      });
  };
  wake();
  const unsubscribe = api.registry.onChange(wake);
  return {
    settled: running ?? Promise.resolve(),
    stop() {
      stopped = true;
      unsubscribe();
    },
  };
}

async function settle(api: ApiContext): Promise<void> {
  const stored = api.registry.storage(APIService.group, APIService.plural)!;
  const client = api.loopback();
  const wanted = new Map<string, { group: string; version: string }>();
  for (const { kind } of api.registry.all()) {
    if (kind.storedAs?.warning) continue;
    wanted.set(`${kind.version}.${kind.group}`, { group: kind.group, version: kind.version });
  }
  const versions = [...new Set([...wanted.values()].map(({ version }) => version))].sort(compareVersions);
  for (const [name, { group, version }] of wanted) {
    if (stored.cache.get(stored.prefix + name)) continue;
    try {
      await client.create(APIService, {
        metadata: { name, labels: { [managed]: groupPriority(group) === 1000 ? 'true' : 'onstart' } },
        spec: {
          ...(group ? { group } : {}),
          version,
          groupPriorityMinimum: groupPriority(group),
          versionPriority: Math.max(1, 100 - 10 * versions.indexOf(version)),
        },
      });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }
  for (const entry of stored.cache.snapshot().range(stored.prefix)) {
    const { name, labels } = entry.object.metadata;
    if (labels?.[managed] !== 'true' || wanted.has(name)) continue;
    try {
      await client.delete(APIService, { name });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}
