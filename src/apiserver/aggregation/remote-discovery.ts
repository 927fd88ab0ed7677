/** Discovery documents of aggregated groups, from the resource lists that their servers give. */
import { compareVersions } from '../../api/machinery/discovery.ts';

/** meta/v1 APIResourceList. */
export interface RemoteResources {
  readonly resources?: readonly {
    readonly name: string;
    readonly singularName?: string;
    readonly namespaced?: boolean;
    readonly kind: string;
    readonly group?: string;
    readonly version?: string;
    readonly verbs?: readonly string[];
    readonly shortNames?: readonly string[];
    readonly categories?: readonly string[];
  }[];
}

/** The APIGroup and the APIGroupDiscovery of a group; a version without an answer is marked as stale. */
export function discoveryOf(
  name: string,
  given: readonly { version: string; resources: RemoteResources | undefined }[],
): { name: string; group: object; discovery: object } {
  const versions = [...given].sort((a, b) => compareVersions(a.version, b.version));
  const listed = versions.map(({ version }) => ({ groupVersion: `${name}/${version}`, version }));
  return {
    name,
    group: { name, versions: listed, preferredVersion: listed[0] },
    discovery: {
      metadata: { name, creationTimestamp: null },
      versions: versions.map(({ version, resources }) => ({
        version,
        resources: describe(name, version, resources),
        freshness: resources ? 'Current' : 'Stale',
      })),
    },
  };
}

function describe(group: string, version: string, list: RemoteResources | undefined): object[] {
  const all = list?.resources ?? [];
  return all
    .filter((resource) => !resource.name.includes('/'))
    .map((resource) => {
      const subresources = all
        .filter((other) => other.name.startsWith(`${resource.name}/`))
        .map((other) => ({
          subresource: other.name.slice(resource.name.length + 1),
          responseKind: { group: other.group ?? group, version: other.version ?? version, kind: other.kind },
          verbs: other.verbs ?? [],
        }));
      return {
        resource: resource.name,
        responseKind: { group: resource.group ?? group, version: resource.version ?? version, kind: resource.kind },
        scope: resource.namespaced ? 'Namespaced' : 'Cluster',
        singularResource: resource.singularName ?? '',
        verbs: resource.verbs ?? [],
        ...(resource.shortNames ? { shortNames: resource.shortNames } : {}),
        ...(resource.categories ? { categories: resource.categories } : {}),
        ...(subresources.length ? { subresources } : {}),
      };
    });
}
