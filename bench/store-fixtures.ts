import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock } from '../src/base/clock.ts';
import { createObjectCache } from '../src/store/cache.ts';
import type { ObjectCache, ResourceCache } from '../src/store/cache-api.ts';
import { openEtcdStore } from '../src/store/etcd.ts';
import { createJsonCodec } from '../src/store/json-codec.ts';
import { openMemoryStore } from '../src/store/memory.ts';
import { openSqliteStore } from '../src/store/sqlite.ts';
import type { Store } from '../src/store/store.ts';
import { startEtcd } from '../test/store/etcd-cluster.ts';

/** An object as the benches write it. */
export interface Sample {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
  };
}

export const podPrefix = '/registry/pods/';
export const podKey = (i: number) => `${podPrefix}ns-${i % 50}/pod-${String(i).padStart(7, '0')}`;

/** A pod with about 5 KB of JSON: containers, conditions and managed fields in the proportions of a real one. */
export function samplePod(i: number): Sample {
  const name = `pod-${String(i).padStart(7, '0')}`;
  const fields = Object.fromEntries(
    Array.from({ length: 12 }, (_, f) => [
      `f:field${f}`,
      { 'f:name': {}, 'f:value': {}, [`k:{"uid":"${i}-${f}"}`]: {} },
    ]),
  );
  const container = (c: number) => ({
    name: `container-${c}`,
    image: `registry.internal/team/app-${c}:v1.${i % 7}.${c}`,
    command: ['/bin/app', '--port', String(8000 + c)],
    ports: [{ name: 'http', containerPort: 8000 + c, protocol: 'TCP' }],
    env: Array.from({ length: 16 }, (_, e) => ({ name: `VARIABLE_${e}`, value: `value of ${e} in ${name}` })),
    resources: { limits: { cpu: '500m', memory: '256Mi' }, requests: { cpu: '100m', memory: '128Mi' } },
    volumeMounts: [{ name: 'token', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true }],
    terminationMessagePath: '/dev/termination-log',
    imagePullPolicy: 'IfNotPresent',
  });
  const pod = {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: {
      name,
      namespace: `ns-${i % 50}`,
      uid: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { app: `app-${i % 100}`, tier: i % 1000 === 0 ? 'rare' : 'common', 'pod-template-hash': 'abcdef1234' },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `app-${i % 100}`, uid: `u-${i % 100}`, controller: true },
      ],
      managedFields: [
        {
          manager: 'kube-controller-manager',
          operation: 'Update',
          apiVersion: 'v1',
          fieldsType: 'FieldsV1',
          fieldsV1: fields,
        },
      ],
    },
    spec: {
      containers: [container(0), container(1)],
      nodeName: `node-${i % 5000}`,
      serviceAccountName: 'default',
      tolerations: [
        { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
      ],
    },
    status: {
      phase: 'Running',
      podIP: `10.${i % 200}.${i % 250}.${i % 240}`,
      conditions: ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => ({
        type,
        status: 'True',
        lastProbeTime: null,
        lastTransitionTime: '2026-01-01T00:00:05Z',
      })),
    },
  };
  return pod;
}

/** A ConfigMap with about 1 KB of JSON. */
export function sampleConfigMap(i: number): Sample {
  return {
    kind: 'ConfigMap',
    apiVersion: 'v1',
    metadata: {
      name: `config-${i}`,
      namespace: `ns-${i % 50}`,
      labels: { app: `app-${i % 100}`, tier: i % 1000 === 0 ? 'rare' : 'common' },
    },
    ...{ data: { 'settings.properties': `${i} ${'setting=value\n'.repeat(55)}` } },
  };
}

export type Backend = 'memory' | 'sqlite' | 'etcd';

/** Runs with an empty store of a backend, and leaves nothing behind. etcd is one member on this machine. */
export async function withStore<R>(backend: Backend, run: (store: Store, directory: string) => Promise<R>): Promise<R> {
  const directory = mkdtempSync(join(tmpdir(), 'timonel-bench-'));
  const etcd = backend === 'etcd' ? await startEtcd(1) : undefined;
  try {
    const store = etcd
      ? await openEtcdStore({ endpoints: etcd.endpoints })
      : backend === 'sqlite'
        ? await openSqliteStore({ path: join(directory, 'store.db') })
        : openMemoryStore();
    try {
      return await run(store, directory);
    } finally {
      await store.close();
    }
  } finally {
    await etcd?.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

export async function openCache(store: Store): Promise<{ cache: ObjectCache; objects: ResourceCache<Sample> }> {
  const cache = createObjectCache(store, { clock: realClock, compactEveryMs: 0 });
  return { cache, objects: await cache.resource(podPrefix, createJsonCodec<Sample>()) };
}

/** Fills a store directly, in commits of a hundred. */
export async function fill(store: Store, count: number, make: (i: number) => Sample): Promise<void> {
  const { encode } = createJsonCodec<Sample>();
  for (let at = 0; at < count; at += 100) {
    const size = Math.min(100, count - at);
    const writes = Array.from({ length: size }, (_, i) => ({ key: podKey(at + i), value: encode(make(at + i), '') }));
    await store.commit(writes);
  }
}
