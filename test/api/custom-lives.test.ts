/** Definitions that come and go: names, conditions, deletion with instances, re-creation; watches and selection across versions. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { KubeObject } from '../../src/api/kind.ts';
import {
  type ConversionHook,
  type CustomWorld,
  crds,
  definition,
  type Json,
  pathOf,
  startConversionHook,
  startCustomWorld,
  version,
} from './custom-world.ts';

let world: CustomWorld;
let hook: ConversionHook;
beforeAll(async () => {
  world = await startCustomWorld();
  hook = await startConversionHook();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await hook[Symbol.asyncDispose]();
});

const text = { type: 'string' };
const object = (properties: Json, more: Json = {}) => ({ type: 'object', properties, ...more });
const plain = (plural: string, more: Json = {}) => definition(plural, [version('v1', object({ a: text }), more)]);
const create = (plural: string, name: string, more: Json = {}) =>
  world.http('POST', pathOf(plural), { body: { metadata: { name, ...more }, spec: { a: name } } });

/** Waits for what comes at once on an idle machine. */
const eventually = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 60_000 });

async function condition(plural: string, type: string): Promise<string | undefined> {
  const { json } = await world.http('GET', `${crds}/${plural}.example.com`);
  const found = json.status?.conditions?.find((each: { type: string }) => each.type === type);
  return found && `${found.status} ${found.reason}: ${found.message}`;
}
const gone = (plural: string) =>
  eventually(async () => expect((await world.http('GET', `${crds}/${plural}.example.com`)).status).toBe(404));

describe('names', () => {
  it('that are taken become free with their definition', async () => {
    const holder = plain('holders');
    Object.assign(holder.spec.names, { shortNames: ['h1', 'h2'] });
    await world.define(holder);
    const rival = plain('rivals');
    Object.assign(rival.spec.names, { shortNames: ['h1', 'h2'] });
    await world.http('POST', crds, { body: rival });
    await eventually(async () =>
      expect(await condition('rivals', 'NamesAccepted')).toBe(
        'False ShortNamesConflict: ["h1" is already in use, "h2" is already in use]',
      ),
    );
    expect(await condition('rivals', 'Established')).toBe('False NotAccepted: not all names are accepted');
    await world.http('DELETE', `${crds}/holders.example.com`);
    await eventually(async () =>
      expect(await condition('rivals', 'Established')).toBe(
        'True InitialNamesAccepted: the initial names have been accepted',
      ),
    );
  });

  it('of the community’s groups tell who approved them', async () => {
    const body = plain('approveds');
    body.spec.group = 'test.k8s.io';
    body.metadata = {
      name: 'approveds.test.k8s.io',
      annotations: { 'api-approved.kubernetes.io': 'https://github.com/kubernetes/kubernetes/pull/1' },
    };
    await world.define(body);
    const type = 'KubernetesAPIApprovalPolicyConformant';
    const of = async () => {
      const { json } = await world.http('GET', `${crds}/approveds.test.k8s.io`);
      return json.status.conditions.find((each: { type: string }) => each.type === type);
    };
    expect(await of()).toMatchObject({
      status: 'True',
      reason: 'ApprovedAnnotation',
      message: 'approved in https://github.com/kubernetes/kubernetes/pull/1',
    });
    await world.patch(`${crds}/approveds.test.k8s.io`, {
      metadata: { annotations: { 'api-approved.kubernetes.io': 'unapproved, a test' } },
    });
    await eventually(async () =>
      expect(await of()).toMatchObject({
        status: 'False',
        reason: 'UnapprovedAnnotation',
        message: 'not approved: "unapproved, a test"',
      }),
    );
    expect(await condition('holders', type)).toBeUndefined();
  });
});

describe('the deletion of a definition', () => {
  it('waits for its objects, takes no new ones, and lets those that are held be changed', async () => {
    await world.define(plain('leavers', { subresources: { status: {} } }));
    await create('leavers', 'free');
    await create('leavers', 'held', { finalizers: ['example.com/hold'] });
    expect((await world.http('DELETE', `${crds}/leavers.example.com`)).status).toBe(200);
    await eventually(async () =>
      expect(await condition('leavers', 'Terminating')).toBe(
        'True InstanceDeletionInProgress: CustomResource deletion is in progress',
      ),
    );
    await eventually(async () => expect((await world.http('GET', pathOf('leavers'))).json.items).toHaveLength(1));
    const late = await create('leavers', 'late');
    expect([late.status, late.json.reason, late.json.message]).toEqual([
      405,
      'MethodNotAllowed',
      'create not allowed while custom resource definition is terminating',
    ]);
    const told = await world.patch(`${pathOf('leavers', 'held')}/status`, { status: { progress: 'half' } });
    expect([told.status, told.json.status]).toEqual([200, { progress: 'half' }]);
    await world.patch(pathOf('leavers', 'held'), { metadata: { finalizers: null } });
    await gone('leavers');
    expect((await world.http('GET', pathOf('leavers'))).status).toBe(404);
  });

  it('needs no version that is served', async () => {
    await world.define(plain('unseens'));
    await create('unseens', 'a');
    await world.redefine('unseens.example.com', (body) => {
      body.spec.versions[0]!.served = false;
    });
    expect((await world.http('GET', pathOf('unseens'))).status).toBe(404);
    await world.http('DELETE', `${crds}/unseens.example.com`);
    await gone('unseens');
  });

  it('says what it waits for when objects cannot be converted', async () => {
    const versions = [version('v1', object({ a: text })), version('v2', object({ a: text }), { storage: false })];
    await world.define(definition('strandeds', versions, { conversion: hook.conversion }));
    await create('strandeds', 'a');
    await world.redefine('strandeds.example.com', (body) => {
      body.spec.versions[0]!.storage = false;
      body.spec.versions[1]!.storage = true;
    });
    const { answer } = hook;
    hook.answer = () => ({});
    await world.http('DELETE', `${crds}/strandeds.example.com`);
    await eventually(async () =>
      expect(await condition('strandeds', 'Terminating')).toMatch(
        /^True InstanceDeletionFailed: could not issue all deletes: conversion webhook for example\.com\/v1, Kind=Stranded failed: /,
      ),
    );
    hook.answer = answer;
    await gone('strandeds');
  });

  it('leaves its name to another, which begins empty and has its own schema', async () => {
    await world.define(plain('phoenixes'));
    await create('phoenixes', 'a');
    await world.http('DELETE', `${crds}/phoenixes.example.com`);
    await gone('phoenixes');
    await world.define(definition('phoenixes', [version('v1', object({ a: { type: 'integer' } }))]));
    expect((await world.http('GET', pathOf('phoenixes'))).json.items).toEqual([]);
    expect((await create('phoenixes', 'a')).status).toBe(422);
    const made = await world.http('POST', pathOf('phoenixes'), { body: { metadata: { name: 'a' }, spec: { a: 1 } } });
    expect([made.status, made.json.metadata.generation]).toEqual([201, 1]);
  });
});

describe('watches and selectors', () => {
  const fields = (path: string) => ({ selectableFields: [{ jsonPath: path }] });
  const convertColors = (from: Json, apiVersion: string) => {
    const spec = (from['spec'] ?? {}) as { color?: string; paint?: { color?: string } };
    const color = spec.color ?? spec.paint?.color;
    return { ...from, apiVersion, spec: apiVersion.endsWith('v1') ? { color } : { paint: { color } } };
  };
  beforeAll(async () => {
    hook.convert = convertColors;
    await world.define(
      definition(
        'paints',
        [
          version('v1', object({ color: text }), fields('.spec.color')),
          version('v2', object({ paint: object({ color: text }) }), { ...fields('.spec.paint.color'), storage: false }),
        ],
        { conversion: hook.conversion },
      ),
    );
  });

  /** What a watch tells, as `ADDED v1 a {…}`. */
  function watching(v: string, fieldSelector?: string): { events: string[]; close(): void } {
    const { kind } = world.server.server.kinds.resolve('example.com', v, 'paints')!;
    const events: string[] = [];
    const request = { kind, namespace: 'default', ...(fieldSelector ? { query: { fieldSelector } } : {}) };
    const handle = world.server.client.transport.watch<KubeObject & { spec: Json }>(request, {
      onEvents(found) {
        for (const { type, object: each } of found)
          if (type !== 'BOOKMARK')
            events.push(`${type} ${each.apiVersion.split('/')[1]} ${each.metadata.name} ${JSON.stringify(each.spec)}`);
      },
      onEnd() {},
    });
    return { events, close: () => handle.close() };
  }

  it('show and select objects as their version has them', async () => {
    const made = (name: string, color: string) =>
      world.http('POST', pathOf('paints', '', 'v1'), { body: { metadata: { name }, spec: { color } } });
    await made('a', 'red');
    await made('b', 'blue');
    const listed = await world.http('GET', `${pathOf('paints', '', 'v2')}?fieldSelector=spec.paint.color%3Dred`);
    expect(listed.json.items.map((item: { spec: Json }) => item.spec)).toEqual([{ paint: { color: 'red' } }]);

    const reds = watching('v2', 'spec.paint.color=red');
    const all = watching('v1');
    await eventually(() => expect([reds.events.length, all.events.length]).toEqual([1, 2]));
    await world.patch(pathOf('paints', 'b', 'v2'), { spec: { paint: { color: 'red' } } });
    await world.patch(pathOf('paints', 'a', 'v1'), { spec: { color: 'green' } });
    await world.http('DELETE', pathOf('paints', 'b', 'v2'));
    await eventually(() => {
      expect(reds.events).toEqual([
        'ADDED v2 a {"paint":{"color":"red"}}',
        'ADDED v2 b {"paint":{"color":"red"}}',
        'DELETED v2 a {"paint":{"color":"red"}}',
        'DELETED v2 b {"paint":{"color":"red"}}',
      ]);
      expect(all.events).toEqual([
        'ADDED v1 a {"color":"red"}',
        'ADDED v1 b {"color":"blue"}',
        'MODIFIED v1 b {"color":"red"}',
        'MODIFIED v1 a {"color":"green"}',
        'DELETED v1 b {"color":"red"}',
      ]);
    });
    reds.close();
    all.close();
  });

  it('ask the webhook once for an event, however many watch', async () => {
    const watchers = Array.from({ length: 3 }, () => watching('v2'));
    await world.http('POST', pathOf('paints', '', 'v1'), {
      body: { metadata: { name: 'shared' }, spec: { color: 'red' } },
    });
    await eventually(() => {
      for (const { events } of watchers) expect(events).toContain('ADDED v2 shared {"paint":{"color":"red"}}');
    });
    const asked = hook.reviews.filter(({ request }) =>
      request.objects.some((each) => (each['metadata'] as Json)['name'] === 'shared'),
    );
    expect(asked).toHaveLength(1);
    for (const watcher of watchers) watcher.close();
  });
});
