/**
 * A small operator: for every Greeting there is a ConfigMap with its text, and a Greeting with a time to live goes away
 * when its time is over. Nothing in it knows that it may run in virtual time.
 */
import type { CustomResourceDefinition } from '../../src/api/apiextensions/custom-resource-definition.ts';
import { ConfigMap } from '../../src/api/core/config-map.ts';
import type { KindRef, KubeObject } from '../../src/api/kind.ts';
import { parseTime } from '../../src/base/clock.ts';
import type { Draft } from '../../src/client/client.ts';
import { defineController, splitKey } from '../../src/client/reconcile.ts';

export interface Greeting extends KubeObject {
  readonly spec: { readonly text: string; readonly ttlSeconds?: number };
}

export const Greeting: KindRef<Greeting> = {
  group: 'example.com',
  version: 'v1',
  kind: 'Greeting',
  plural: 'greetings',
  namespaced: true,
};

export const greetingDefinition: Draft<CustomResourceDefinition> = {
  metadata: { name: 'greetings.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { kind: 'Greeting', plural: 'greetings', singular: 'greeting', listKind: 'GreetingList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                required: ['text'],
                properties: { text: { type: 'string' }, ttlSeconds: { type: 'integer', minimum: 1 } },
              },
            },
          },
        },
      },
    ],
  },
};

export const greetingController = defineController<Greeting>({
  name: 'greeting-controller',
  for: Greeting,
  owns: [ConfigMap],
  rbac: [],
  async reconcile(key, { client, lister, clock }) {
    const greeting = lister(Greeting).byKey(key);
    if (!greeting || greeting.metadata.deletionTimestamp) return undefined;
    const { name, uid, creationTimestamp } = greeting.metadata;
    const { namespace } = splitKey(key);
    const { text, ttlSeconds } = greeting.spec;
    const leftMs =
      ttlSeconds === undefined ? undefined : parseTime(creationTimestamp) + ttlSeconds * 1000 - clock.now();
    if (leftMs !== undefined && leftMs <= 0) {
      await client.delete(Greeting, { namespace: namespace!, name });
      return undefined;
    }
    if (lister(ConfigMap).get(namespace, name)?.data?.['text'] !== text) {
      const owner = { apiVersion: 'example.com/v1', kind: 'Greeting', name, uid, controller: true };
      await client.patch(
        ConfigMap,
        { namespace: namespace!, name },
        {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { namespace, name, ownerReferences: [owner] },
          data: { text },
        },
        { type: 'apply', fieldManager: 'greeting-controller', force: true },
      );
    }
    return leftMs === undefined ? undefined : { requeueAfterMs: leftMs };
  },
});
