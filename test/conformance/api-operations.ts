/** Everything that the API offers for a resource, as upstream's conformance tests of new APIs try it. */
import { expect } from 'vitest';
import type { TestServer } from '../../src/apiserver/test-server.ts';
import { merge } from './custom-definitions.ts';

export interface Resource {
  /** `flowcontrol.apiserver.k8s.io/v1` */
  readonly group: string;
  readonly plural: string;
  readonly spec: object;
  /** A field of the spec, and another value for it. */
  readonly change: readonly [string, unknown];
  /** Whether it has a status to patch; true unless told. */
  readonly status?: boolean;
}

/** create, get, list, patch, update, status, watch, delete and deletecollection, of objects that are not in a namespace. */
export async function useEverything({ http }: TestServer, resource: Resource): Promise<void> {
  const { group, plural, spec, change, status = true } = resource;
  const [name, version] = group.split('/');
  const { groups } = (await http('GET', '/apis')).json;
  expect(groups).toContainEqual(expect.objectContaining({ name }));
  expect((await http('GET', `/apis/${name}`)).json.versions).toContainEqual({ groupVersion: group, version });
  const { resources } = (await http('GET', `/apis/${group}`)).json;
  for (const each of status ? [plural, `${plural}/status`] : [plural])
    expect(resources).toContainEqual(expect.objectContaining({ name: each }));

  const path = `/apis/${group}/${plural}`;
  const selected = `${path}?labelSelector=special%3Dyes`;
  const labels = { special: 'yes' };
  const created = await http('POST', path, { body: { metadata: { name: 'e2e', labels }, spec } });
  expect(created.status, created.text).toBe(201);
  expect((await http('GET', `${path}/e2e`)).json.metadata.uid).toBe(created.json.metadata.uid);
  expect((await http('GET', selected)).json.items).toHaveLength(1);
  const patched = await http('PATCH', `${path}/e2e`, merge({ metadata: { annotations: { patched: 'true' } } }));
  expect(patched.json.metadata.annotations).toMatchObject({ patched: 'true' });
  patched.json.spec[change[0]] = change[1];
  const updated = await http('PUT', `${path}/e2e`, { body: patched.json });
  expect(updated.json.spec?.[change[0]], updated.text).toEqual(change[1]);
  const condition = { type: 'E2E', status: 'True', reason: 'Test', message: '', lastTransitionTime: aTime };
  if (status) {
    const set = await http('PATCH', `${path}/e2e/status`, merge({ status: { conditions: [condition] } }));
    expect(set.json.status.conditions).toContainEqual(expect.objectContaining({ type: 'E2E', status: 'True' }));
  }
  const { resourceVersion } = created.json.metadata;
  const watched = await http('GET', `${selected}&watch=1&timeoutSeconds=1&resourceVersion=${resourceVersion}`);
  const events = watched.text.trim().split('\n');
  expect(events.filter((line) => line.startsWith('{"type":"MODIFIED"')).length).toBeGreaterThanOrEqual(status ? 3 : 2);
  expect((await http('DELETE', `${path}/e2e`)).status).toBe(200);
  expect((await http('GET', `${path}/e2e`)).status).toBe(404);
  for (const each of ['e2e-1', 'e2e-2']) await http('POST', path, { body: { metadata: { name: each, labels }, spec } });
  expect((await http('GET', selected)).json.items).toHaveLength(2);
  await http('DELETE', selected);
  expect((await http('GET', selected)).json.items).toEqual([]);
}

const aTime = '2026-01-01T00:00:00Z';
