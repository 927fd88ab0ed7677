/** Says in which version this server stores the objects of each resource (KEP-2339), where StorageVersions are served. */
import { CustomResourceDefinition } from '../../api/apiextensions/custom-resource-definition.ts';
import { StorageVersion, withServers } from '../../api/apiserverinternal/storage-version.ts';
import { apiVersionOf, type Shared } from '../../api/kind.ts';
import { isConflict } from '../../api/machinery/status.ts';
import type { ServerStorageVersion } from '../../api/types/apiserverinternal-v1alpha1.ts';
import { deepEqual } from '../../base/deep.ts';
import type { ApiContext } from '../context.ts';
import { ensure } from './ensure.ts';

type Entry = Omit<Required<ServerStorageVersion>, 'apiServerID'>;

/** Changes of what is served come in bursts. */
const settleMs = 500;
const retryMs = 5_000;
const maxAttempts = 20;

/**
 * Publishes now, and again whenever something else is served; nothing where StorageVersions are not served. `serverId` is the
 * name of the server's lease.
 */
export function publishStorageVersions(api: ApiContext, serverId: string): { stop(): void } | undefined {
  const { group, version, plural } = StorageVersion;
  if (!api.registry.resolve(group, version, plural)) return undefined;
  let stopped = false;
  let waiting: { cancel(): void } | undefined;
  const later = (ms: number) => {
    waiting?.cancel();
    waiting = api.clock.after(ms, () => {
      publish(api, serverId).catch((error: unknown) => {
        api.log.warn('storage versions were not published', { error });
        if (!stopped) later(retryMs);
      });
    });
  };
  const stopListening = api.registry.onChange(() => later(settleMs));
  later(0);
  return {
    stop() {
      stopped = true;
      stopListening();
      waiting?.cancel();
    },
  };
}

async function publish(api: ApiContext, apiServerID: string): Promise<void> {
  for (const [name, entry] of await versionsByResource(api)) {
    await ensure(api.loopback(), StorageVersion, { metadata: { name } });
    // Servers that start together write the same objects.
    for (let attempt = 1; !(await write(api, name, { apiServerID, ...entry })); attempt++)
      if (attempt >= maxAttempts) throw new Error(`${name} is changed by others all the time`);
  }
}

/** Puts the server's entry into an object; false when somebody else has changed the object meanwhile. */
async function write(api: ApiContext, name: string, own: ServerStorageVersion): Promise<boolean> {
  const client = api.loopback();
  const known = await client.get(StorageVersion, { name });
  const others = known.status.storageVersions?.filter(({ apiServerID }) => apiServerID !== own.apiServerID) ?? [];
  const entries = [...others, own].sort((a, b) => (a.apiServerID! < b.apiServerID! ? -1 : 1));
  if (deepEqual(entries, known.status.storageVersions)) return true;
  try {
    const status = withServers(known.status, entries, api.clock.now());
    await client.updateStatus(StorageVersion, { ...known, status });
    return true;
  } catch (error) {
    if (!isConflict(error)) throw error;
    return false;
  }
}

async function versionsByResource(api: ApiContext): Promise<Map<string, Entry>> {
  const found = new Map<string, Entry>();
  const served = [...api.registry.all()];
  const { items } = await api.loopback().list(CustomResourceDefinition);
  for (const definition of items)
    found.set(nameOf(definition.spec.group, definition.spec.names.plural), customEntry(definition));
  for (const stored of api.registry.storages()) {
    const { kind } = stored;
    const name = nameOf(kind.group, kind.plural);
    if (found.has(name)) continue;
    const versions = served.filter((resource) => resource.stored === stored).map(({ kind: one }) => apiVersionOf(one));
    const encodingVersion = apiVersionOf(kind);
    const decodableVersions = [...new Set([encodingVersion, ...versions])];
    found.set(name, { encodingVersion, decodableVersions, servedVersions: [...new Set(versions)] });
  }
  return found;
}

const nameOf = (group: string, plural: string) => `${group || 'core'}.${plural}`;

function customEntry({ spec: { group, versions } }: Shared<CustomResourceDefinition>): Entry {
  const full = (names: typeof versions) => names.map(({ name }) => `${group}/${name}`);
  return {
    encodingVersion: full(versions.filter(({ storage }) => storage))[0] ?? '',
    decodableVersions: full(versions),
    servedVersions: full(versions.filter(({ served }) => served)),
  };
}
