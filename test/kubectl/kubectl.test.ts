import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stockClients } from '../clients/stock-clients.ts';
import { olderKubectl, type Session, startSession } from './session.ts';

const deployment = (image: string, more = '') => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2${more}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: ${image}, ports: [{containerPort: 80}]}]}
`;
const crd = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, kind: Widget, shortNames: [wd], categories: [all]}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            description: What the widget is to be.
            properties: {size: {type: integer, description: How large it is., maximum: 10}}
    additionalPrinterColumns: [{name: Size, type: integer, jsonPath: .spec.size}]
`;

const older = ['1.33', '1.30', '1.27'];
const absent = older.filter((version) => !existsSync(olderKubectl(version)));
it.skip.each(absent)('kubectl %s (needs the package google-cloud-cli, which has older ones)', () => {});

describe.each(['1.36', ...older.filter((version) => !absent.includes(version))])('kubectl %s', (version) => {
  let session: Session;
  let program: string;
  beforeAll(async () => {
    program = older.includes(version) ? olderKubectl(version) : (await stockClients()).kubectl;
    session = await startSession();
  });
  afterAll(async () => {
    await session[Symbol.asyncDispose]();
  });

  const kubectl = (line: string, input?: string) => session.exec(program, line.split(' '), input);
  /** Runs a command that must succeed and returns what it printed. */
  const ok = async (line: string, input?: string): Promise<string> => {
    const { code, stdout, stderr } = await kubectl(line, input);
    expect(code, `kubectl ${line}\n${stderr}`).toBe(0);
    return stdout;
  };

  it('knows the server', async () => {
    expect(await ok('version')).toMatch(/Server Version: .*v1\.36\.\d/);
    expect(await ok('get --raw /readyz')).toBe('ok');
    expect(await ok('api-versions')).toContain('apps/v1');
    const resources = await ok('api-resources');
    expect(resources).toMatch(/^deployments +deploy +apps\/v1 +true +Deployment$/m);
    expect(resources).toMatch(/^pods +po +v1 +true +Pod$/m);
  });

  it('prints in every output format', async () => {
    const file = (name: string, text: string) => {
      const path = join(session.folder, name);
      writeFileSync(path, text);
      return path;
    };
    await ok('create configmap f --from-literal=x=1 --from-literal=z=2');
    await ok('label cm f shown=yes');
    const get = (format: string) => ok(`get cm f -o ${format}`);
    expect(JSON.parse(await get('json'))).toMatchObject({ kind: 'ConfigMap', data: { x: '1', z: '2' } });
    expect(await get('yaml')).toMatch(/^apiVersion: v1\ndata:\n {2}x: "1"\n {2}z: "2"\nkind: ConfigMap\n/);
    expect(await get('wide')).toMatch(/^NAME +DATA +AGE\nf +2 +\d+s\n$/);
    expect(await get('name')).toBe('configmap/f\n');
    expect(await get('jsonpath={.data}')).toBe('{"x":"1","z":"2"}');
    expect(await get('jsonpath-as-json={.data.x}')).toBe('[\n    "1"\n]\n');
    const path = file('path', '{range .data.*}{@}{"+"}{end}');
    expect((await get(`jsonpath-file=${path}`)).split('+').sort()).toEqual(['', '1', '2']);
    expect(await get('go-template={{.metadata.name}}:{{.data.x|len}}')).toBe('f:1');
    const template = file('template', '{{range $k, $v := .data}}{{$k}}={{$v}};{{end}}');
    expect(await get(`go-template-file=${template}`)).toBe('x=1;z=2;');
    expect(await get('custom-columns=NAME:.metadata.name,X:.data.x')).toMatch(/^NAME +X\nf +1\n$/);
    const columns = file('columns', 'WHERE               NAME\n.metadata.namespace  .metadata.name\n');
    expect(await get(`custom-columns-file=${columns}`)).toMatch(/^WHERE +NAME\ndefault +f\n$/);
    expect(await ok('get cm -l shown=yes --show-labels --no-headers')).toMatch(/^f +2 +\d+s +shown=yes\n$/);
    expect(await ok('get cm -L shown --sort-by=.metadata.name')).toMatch(/SHOWN\n(.*\n)*f +2 +\d+s +yes\n$/);
    await ok('delete cm f');
  });

  it('creates, gets, describes and deletes', async () => {
    expect(await ok('create configmap a --from-literal=x=1')).toBe('configmap/a created\n');
    expect(await ok('get configmap a -o jsonpath={.data.x}')).toBe('1');
    expect(await ok('get cm a -o name')).toBe('configmap/a\n');
    expect(JSON.parse(await ok('get cm a -o json'))).toMatchObject({ kind: 'ConfigMap', data: { x: '1' } });
    expect(await ok('get cm a -o yaml')).toContain('x: "1"');
    expect(await ok('get cm a')).toMatch(/^NAME +DATA +AGE\na +1 +\d+s\n$/);
    expect(await ok('get cm -A -o wide')).toMatch(/^default +a +1/m);
    expect(await ok('get cm -o custom-columns=N:.metadata.name --no-headers')).toBe('a\n');
    expect(await ok('describe cm a')).toContain('Name:         a');
    expect((await kubectl('create configmap a')).stderr).toContain('configmaps "a" already exists');
    expect(await ok('delete cm a')).toContain('configmap "a" deleted');
    expect((await kubectl('get cm a')).stderr).toBe('Error from server (NotFound): configmaps "a" not found\n');
  });

  it('applies, and applies again', async () => {
    expect(await ok('apply -f -', deployment('busybox:1'))).toBe('deployment.apps/web created\n');
    expect(await ok('apply -f -', deployment('busybox:1'))).toBe('deployment.apps/web unchanged\n');
    expect((await kubectl('diff -f -', deployment('busybox:2'))).stdout).toMatch(/^\+ +- image: busybox:2$/m);
    expect(await ok('apply -f -', deployment('busybox:2'))).toBe('deployment.apps/web configured\n');
    expect(await ok('get deploy web -o wide')).toMatch(/^web +0\/2 +0 +0 +\d+s +c +busybox:2 +app=web$/m);
    expect(await ok('get deploy web -o jsonpath={.metadata.generation}')).toBe('2');
    expect(await ok('apply --server-side --force-conflicts -f -', deployment('busybox:3'))).toBe(
      'deployment.apps/web serverside-applied\n',
    );
    const managers = await ok('get deploy web --show-managed-fields -o jsonpath={.metadata.managedFields[*].manager}');
    expect(managers.split(' ')).toContain('kubectl');
  });

  it('refuses unknown fields before anything is changed', async () => {
    const { code, stderr } = await kubectl('apply -f -', deployment('busybox:3', '\n  replicaz: 3'));
    expect(code).toBe(1);
    expect(stderr).toContain('unknown field "spec.replicaz"');
    const dry = await ok('apply --dry-run=server -f -', deployment('busybox:9'));
    expect(dry).toBe('deployment.apps/web configured (server dry run)\n');
    expect(await ok('get deploy web -o jsonpath={.spec.template.spec.containers[0].image}')).toBe('busybox:3');
  });

  it('patches, labels, annotates, scales, sets, replaces and edits', async () => {
    await ok('patch deploy web -p {"spec":{"template":{"spec":{"containers":[{"name":"c","image":"busybox:4"}]}}}}');
    await ok('patch deploy web --type=merge -p {"spec":{"revisionHistoryLimit":3}}');
    await ok('patch deploy web --type=json -p [{"op":"add","path":"/spec/minReadySeconds","value":2}]');
    await ok('label deploy web tier=front');
    await ok('annotate deploy web note=hello');
    await ok('scale deploy web --replicas=5');
    await ok('set image deploy/web c=busybox:5');
    const object = JSON.parse(await ok('get deploy web -o json'));
    expect(object.metadata).toMatchObject({ labels: { tier: 'front' }, annotations: { note: 'hello' } });
    expect(object.spec).toMatchObject({ replicas: 5, revisionHistoryLimit: 3, minReadySeconds: 2 });
    expect(await ok('describe deploy web')).toMatch(/^Replicas: +5 desired/m);
    expect(object.spec.template.spec.containers[0]).toMatchObject({
      image: 'busybox:5',
      ports: [{ containerPort: 80 }],
    });
    object.spec.replicas = 1;
    expect(await ok('replace -f -', JSON.stringify(object))).toBe('deployment.apps/web replaced\n');
    const editor = join(session.folder, 'editor.sh');
    writeFileSync(editor, '#!/bin/sh\nsed -i "s/replicas: 1/replicas: 4/" "$1"\n', { mode: 0o755 });
    const edited = await session.exec('env', [`KUBE_EDITOR=${editor}`, program, 'edit', 'deploy', 'web']);
    expect(edited.stdout).toBe('deployment.apps/web edited\n');
    expect(await ok('get deploy web -o jsonpath={.spec.replicas}')).toBe('4');
    expect((await kubectl('get deploy -l tier=front -o name')).stdout).toBe('deployment.apps/web\n');
  });

  it('explains, and shows services', async () => {
    expect(await ok('explain deployment.spec.replicas')).toContain('replicas <integer>');
    expect((await ok('explain pod --recursive')).split('\n').length).toBeGreaterThan(500);
    await ok('expose deploy web --port=80 --type=NodePort');
    expect(await ok('get svc web')).toMatch(/^web +NodePort +10\.\d+\.\d+\.\d+ +<none> +80:3\d{4}\/TCP/m);
    expect(await ok('describe svc web')).toContain('app=web');
  });

  it('waits and watches', async () => {
    await ok('create cm signal --from-literal=go=no');
    const waiting = ok('wait --for=jsonpath={.data.go}=yes cm/signal --timeout=120s');
    await ok('patch cm signal --type=merge -p {"data":{"go":"yes"}}');
    expect(await waiting).toContain('condition met');
    const watched = await kubectl('get cm -w --request-timeout=3s --output-watch-events');
    expect(watched.stdout).toMatch(/^ADDED +signal /m);
    const gone = ok('wait --for=delete cm/signal --timeout=120s');
    await ok('delete cm signal');
    await gone;
  });

  it('deletes with each cascade', async () => {
    for (const cascade of ['background', 'foreground', 'orphan']) {
      await ok(`create cm cascade-${cascade}`);
      await ok(`delete cm cascade-${cascade} --cascade=${cascade} --wait=false`);
      const { stdout } = await kubectl(`get cm cascade-${cascade} -o jsonpath={.metadata.finalizers[0]}`);
      expect(stdout).toBe({ background: '', foreground: 'foregroundDeletion', orphan: 'orphan' }[cascade]);
    }
  });

  it('asks what it may do, and makes tokens only where there is a key', async () => {
    expect(await ok('auth can-i create pods')).toBe('yes\n');
    expect(await ok('auth can-i --list')).toMatch(/^Resources +Non-Resource URLs +Resource Names +Verbs/);
    if (version !== '1.27') expect(await ok('auth whoami -o jsonpath={.status.userInfo.username}')).toBe('admin');
  });

  it('works with custom resources', async () => {
    await ok('apply -f -', crd);
    await ok('wait --for=condition=Established crd/widgets.example.com --timeout=120s');
    const widget = 'apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\nspec: {size: 3}\n';
    expect(await ok('apply -f -', widget)).toBe('widget.example.com/w created\n');
    expect(await ok('get wd')).toMatch(/^NAME +SIZE\nw +3\n$/);
    expect(await ok('explain widget.spec.size')).toContain('How large it is.');
    const bad = await kubectl('apply -f -', widget.replace('size: 3', 'size: 11'));
    expect(bad.stderr).toContain('spec.size: Invalid value: 11: spec.size in body should be less than or equal to 10');
    expect((await kubectl('apply -f -', widget.replace('size: 3', 'sise: 3'))).stderr).toContain(
      'unknown field "spec.sise"',
    );
    await ok('delete crd widgets.example.com');
    expect((await kubectl('get wd')).code).toBe(1);
  });

  it('creates namespaces, secrets, roles and the like', async () => {
    await ok('create ns other');
    await ok('create secret generic s --from-literal=k=v -n other');
    await ok('create role r --verb=get --resource=pods -n other');
    await ok('create rolebinding rb --role=r --user=u -n other');
    await ok('create serviceaccount sa -n other');
    await ok('create quota q --hard=pods=1 -n other');
    await ok('create ingress i --rule=a.example/*=web:80 -n other');
    await ok('create cronjob c --image=busybox --schedule=@hourly -n other');
    await ok('create job j --image=busybox -n other');
    await ok('create pdb p --selector=app=web --min-available=1 -n other');
    const all = await ok('get secrets,roles,rolebindings,sa,quota,ingress,cronjobs,jobs,pdb -n other -o name');
    expect(all.trim().split('\n').length).toBeGreaterThanOrEqual(9);
    expect(await ok('describe ns other')).toContain('Status:       Active');
  });
});
