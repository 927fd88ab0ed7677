/** Custom resources for the tests that follow upstream's conformance list. */
import { expect, vi } from 'vitest';
import type { TestServer } from '../../src/apiserver/test-server.ts';

export const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
export const merge = (body: object) => ({ body, type: 'application/merge-patch+json' });

/** A kind in conformance.example.com unless told; one version `v1` that takes anything. */
export interface Custom {
  readonly plural: string;
  readonly group?: string;
  readonly versions?: readonly { name: string; served?: boolean; storage?: boolean; schema?: object; more?: object }[];
}

/** Creates its definition and waits until it is served; the definition's name. */
export async function define(
  running: TestServer,
  { plural, group = 'conformance.example.com', versions }: Custom,
): Promise<string> {
  const kind = plural[0]!.toUpperCase() + plural.slice(1, -1);
  const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const name = `${plural}.${group}`;
  const { status, text } = await running.http('POST', crds, {
    body: {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name },
      spec: {
        group,
        scope: 'Namespaced',
        names: { plural, kind },
        versions: (versions ?? [{ name: 'v1' }]).map((version) => ({
          name: version.name,
          served: version.served ?? true,
          storage: version.storage ?? true,
          schema: { openAPIV3Schema: version.schema ?? open },
          ...version.more,
        })),
      },
    },
  });
  expect(status, text).toBe(201);
  const version = versions?.find(({ served }) => served !== false)?.name ?? 'v1';
  await vi.waitFor(
    async () => expect((await running.http('GET', `/apis/${group}/${version}/${plural}`)).status).toBe(200),
    { timeout: 60_000 },
  );
  return name;
}

/** The path of its objects in the default namespace. */
export const objects = (plural: string, version = 'v1', group = 'conformance.example.com') =>
  `/apis/${group}/${version}/namespaces/default/${plural}`;
