import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Job } from '../../src/api/batch/job.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { stockClients } from '../clients/stock-clients.ts';
import { type Session, startSession } from './session.ts';

let session: Session;
let program: string;
let chart: string;
let stopWatching: () => void = () => {};
/** Names of the jobs of hooks that have run. */
const hooks: string[] = [];

const files: Record<string, string> = {
  'Chart.yaml': 'apiVersion: v2\nname: demo\nversion: 0.1.0\nappVersion: "1"\n',
  'values.yaml': 'image: busybox:1\nreplicas: 1\n',
  'crds/gadgets.yaml': `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.demo.example.com}
spec:
  group: demo.example.com
  scope: Namespaced
  names: {plural: gadgets, kind: Gadget}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}}}
`,
  'templates/deployment.yaml': `apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata: {labels: {app: {{ .Release.Name }}}}
    spec: {containers: [{name: c, image: {{ .Values.image }}}]}
`,
  'templates/gadget.yaml':
    'apiVersion: demo.example.com/v1\nkind: Gadget\nmetadata: {name: {{ .Release.Name }}}\nspec: {size: {{ .Values.replicas }}}\n',
  'templates/hook.yaml': `apiVersion: batch/v1
kind: Job
metadata: {name: {{ .Release.Name }}-hook, annotations: {"helm.sh/hook": "pre-install,pre-upgrade", "helm.sh/hook-delete-policy": "before-hook-creation"}}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: busybox}]}}}
`,
  'templates/tests/reaches.yaml': `apiVersion: v1
kind: Pod
metadata: {name: {{ .Release.Name }}-reaches, annotations: {"helm.sh/hook": "test"}}
spec: {restartPolicy: Never, containers: [{name: c, image: busybox}]}
`,
};

beforeAll(async () => {
  program = (await stockClients()).helm;
  session = await startSession();
  chart = join(session.folder, 'demo');
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(chart, name, '..'), { recursive: true });
    writeFileSync(join(chart, name), text);
  }
  // No controller runs here: hooks are done as soon as they are there.
  const { client } = session.server;
  const handle = client.watch(
    Job,
    {},
    {
      onEvents(events) {
        for (const { type, object } of events) {
          if (type !== 'ADDED') continue;
          const { name, namespace } = object.metadata;
          hooks.push(name);
          const now = object.metadata.creationTimestamp;
          const conditions = ['SuccessCriteriaMet', 'Complete'].map((condition) => ({
            type: condition,
            status: 'True',
            lastTransitionTime: now,
            lastProbeTime: now,
          }));
          const status = { conditions, succeeded: 1, startTime: now, completionTime: now };
          void client.patch(Job, { name, namespace: namespace! }, { status }, { type: 'merge', subresource: 'status' });
        }
      },
      onEnd() {},
    },
  );
  // Nor does any node.
  const tests = client.watch(
    Pod,
    {},
    {
      onEvents(events) {
        for (const { type, object } of events) {
          if (type !== 'ADDED') continue;
          const { name, namespace } = object.metadata;
          const status = { phase: 'Succeeded' };
          void client.patch(Pod, { name, namespace: namespace! }, { status }, { type: 'merge', subresource: 'status' });
        }
      },
      onEnd() {},
    },
  );
  stopWatching = () => {
    handle.close();
    tests.close();
  };
});
afterAll(async () => {
  stopWatching();
  await session[Symbol.asyncDispose]();
});

const ok = async (line: string): Promise<string> => {
  const { code, stdout, stderr } = await session.exec(program, line.split(' '));
  expect(code, `helm ${line}\n${stderr}`).toBe(0);
  return stdout;
};
const deployed = async () =>
  (await session.server.http('GET', '/apis/apps/v1/namespaces/default/deployments/rel')).json;
const gadget = async () =>
  (await session.server.http('GET', '/apis/demo.example.com/v1/namespaces/default/gadgets/rel')).json;

it('installs a chart with definitions and hooks, upgrades, tests, rolls back and uninstalls it', async () => {
  expect(await ok(`install rel ${chart}`)).toContain('STATUS: deployed');
  expect((await deployed()).spec.template.spec.containers[0].image).toBe('busybox:1');
  expect((await gadget()).spec.size).toBe(1);
  expect(await ok(`upgrade rel ${chart} --set image=busybox:2,replicas=3`)).toContain('REVISION: 2');
  expect((await deployed()).spec).toMatchObject({
    replicas: 3,
    template: { spec: { containers: [{ image: 'busybox:2' }] } },
  });
  expect((await gadget()).spec.size).toBe(3);
  expect(await ok('list -o json').then((text) => JSON.parse(text))).toMatchObject([
    { name: 'rel', revision: '2', status: 'deployed' },
  ]);
  expect(hooks).toEqual(['rel-hook', 'rel-hook']);
  expect(await ok('test rel')).toMatch(/TEST SUITE: +rel-reaches\n(.*\n)*Phase: +Succeeded/);
  await ok('rollback rel 1');
  expect((await deployed()).spec).toMatchObject({
    replicas: 1,
    template: { spec: { containers: [{ image: 'busybox:1' }] } },
  });
  expect(JSON.parse(await ok('history rel -o json'))).toHaveLength(3);
  expect(await ok('uninstall rel')).toContain('release "rel" uninstalled');
  expect((await deployed()).code).toBe(404);
  expect((await gadget()).code).toBe(404);
});

it('creates the chart that beginners start with, and installs it', async () => {
  const starter = join(session.folder, 'starter');
  await ok(`create ${starter}`);
  expect(await ok(`install first ${starter}`)).toContain('STATUS: deployed');
  expect(await ok('uninstall first')).toContain('uninstalled');
});
