import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { MutatingAdmissionPolicy } from '../../src/api/admissionregistration/mutating-admission-policy.ts';
import { MutatingAdmissionPolicyBinding } from '../../src/api/admissionregistration/mutating-admission-policy-binding.ts';
import { ValidatingAdmissionPolicy } from '../../src/api/admissionregistration/validating-admission-policy.ts';
import { ValidatingAdmissionPolicyBinding } from '../../src/api/admissionregistration/validating-admission-policy-binding.ts';
import { ConfigMap } from '../../src/api/core/config-map.ts';
import { Namespace } from '../../src/api/core/namespace.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { ServiceAccount } from '../../src/api/core/service-account.ts';
import type { Client } from '../../src/client/client.ts';
import { startWorld, type World } from './world.ts';

let world: World;
let admin: Client;

beforeAll(async () => {
  world = await startWorld();
  admin = world.admin;
  await admin.create(Namespace, { metadata: { name: 'ruled', labels: { env: 'prod' } } });
  await admin.create(ServiceAccount, { metadata: { namespace: 'ruled', name: 'default' } });
});
afterAll(() => world.close());
afterEach(async () => {
  await admin.deleteCollection(ValidatingAdmissionPolicyBinding, {});
  await admin.deleteCollection(ValidatingAdmissionPolicy, {});
  await admin.deleteCollection(MutatingAdmissionPolicyBinding, {});
  await admin.deleteCollection(MutatingAdmissionPolicy, {});
});

const rules = (resource: string, group = '') => ({
  resourceRules: [{ apiGroups: [group], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: [resource] }],
});

async function validate(spec: object, binding: object = {}): Promise<void> {
  await admin.create(ValidatingAdmissionPolicy, {
    metadata: { name: 'p' },
    spec: { failurePolicy: 'Fail', matchConstraints: rules('configmaps'), ...spec } as never,
  });
  await admin.create(ValidatingAdmissionPolicyBinding, {
    metadata: { name: 'b' },
    spec: { policyName: 'p', validationActions: ['Deny'], ...binding } as never,
  });
}

async function mutate(spec: object, binding: object = {}): Promise<void> {
  await admin.create(MutatingAdmissionPolicy, {
    metadata: { name: 'm' },
    spec: {
      failurePolicy: 'Fail',
      reinvocationPolicy: 'Never',
      matchConstraints: rules('configmaps'),
      ...spec,
    } as never,
  });
  await admin.create(MutatingAdmissionPolicyBinding, {
    metadata: { name: 'b' },
    spec: { policyName: 'm', ...binding } as never,
  });
}

const make = (data: Record<string, string> = {}, client = admin) =>
  client.create(ConfigMap, { metadata: { namespace: 'ruled', generateName: 'c-' }, data });

describe('validating admission policies', () => {
  it('deny with their message', async () => {
    await validate({ validations: [{ expression: "!('bad' in object.data)", message: 'no bad data' }] });
    await expect(make({ good: '1' })).resolves.toBeDefined();
    await expect(make({ bad: '1' })).rejects.toMatchObject({
      code: 422,
      reason: 'Invalid',
      message: expect.stringMatching(
        /^configmaps "c-.*" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no bad data$/,
      ),
    });
  });

  it('deny with the expression, a reason, and a message that is computed', async () => {
    await validate({
      variables: [{ name: 'count', expression: 'size(object.data)' }],
      validations: [
        {
          expression: 'variables.count < 3',
          messageExpression: "'too many: ' + string(variables.count)",
          reason: 'RequestEntityTooLarge',
        },
        { expression: "object.data.all(k, k != 'x')" },
      ],
    });
    await expect(make({ a: '', b: '', c: '' })).rejects.toMatchObject({
      code: 413,
      reason: 'RequestEntityTooLarge',
      message: expect.stringContaining('too many: 3'),
    });
    await expect(make({ x: '' })).rejects.toMatchObject({
      message: expect.stringContaining("failed expression: object.data.all(k, k != 'x')"),
    });
  });

  it('see old objects, the namespace and the caller', async () => {
    await validate({
      validations: [
        {
          expression: "request.operation != 'UPDATE' || oldObject.data.v != object.data.v",
          message: 'change something',
        },
        { expression: "namespaceObject.metadata.labels.env == 'prod'" },
        { expression: "request.userInfo.username == 'system:apiserver'" },
      ],
    });
    const made = await make({ v: '1' });
    await expect(
      admin.update(ConfigMap, { ...made, metadata: { ...made.metadata, labels: { a: 'b' } } }),
    ).rejects.toMatchObject({ message: expect.stringContaining('change something') });
    await expect(admin.update(ConfigMap, { ...made, data: { v: '2' } })).resolves.toBeDefined();
  });

  it('ask the authorizer', async () => {
    await validate({
      validations: [
        {
          expression: "authorizer.group('').resource('secrets').namespace('kube-system').check('delete').allowed()",
          message: 'admins only',
        },
      ],
    });
    await expect(make()).resolves.toBeDefined();
  });

  it('take parameters', async () => {
    await admin.create(ConfigMap, { metadata: { namespace: 'ruled', name: 'params' }, data: { max: '2' } });
    await validate(
      {
        paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
        validations: [
          {
            expression: 'size(object.data) <= int(params.data.max)',
            messageExpression: "'at most ' + params.data.max",
          },
        ],
      },
      { paramRef: { name: 'params', namespace: 'ruled', parameterNotFoundAction: 'Deny' } },
    );
    await expect(make({ a: '' })).resolves.toBeDefined();
    await expect(make({ a: '', b: '', c: '' })).rejects.toMatchObject({
      message: expect.stringContaining('at most 2'),
    });
    await admin.delete(ConfigMap, { namespace: 'ruled', name: 'params' });
    await expect(make({ a: '' })).rejects.toMatchObject({
      message: expect.stringContaining('no params found for policy binding with `Deny` parameterNotFoundAction'),
    });
  });

  it('warn instead, where the binding says so', async () => {
    await validate({ validations: [{ expression: 'false', message: 'careful' }] }, { validationActions: ['Warn'] });
    const answer = await world.call('/api/v1/namespaces/ruled/configmaps', {
      certificate: world.certificate('root', ['system:masters']),
      body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'w-' } },
    });
    expect(answer.status).toBe(201);
    expect(answer.headers['warning']).toContain(
      "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': careful",
    );
  });

  it.each<[string, object, object]>([
    ['match constraints', { matchConstraints: rules('secrets') }, {}],
    ['match conditions', { matchConditions: [{ name: 'x', expression: "'y' in object.data" }] }, {}],
    ['the binding’s namespaces', {}, { matchResources: { namespaceSelector: { matchLabels: { env: 'test' } } } }],
    [
      'excluded resources',
      { matchConstraints: { ...rules('*'), excludeResourceRules: rules('configmaps').resourceRules } },
      {},
    ],
  ])('are narrowed by %s', async (_, spec, binding) => {
    await validate({ validations: [{ expression: 'false' }], ...spec }, binding);
    await expect(make({ x: '' })).resolves.toBeDefined();
  });

  it('follow their failure policy when an expression fails', async () => {
    await validate({ validations: [{ expression: 'object.nothing == 1' }] });
    await expect(make()).rejects.toMatchObject({
      message: expect.stringContaining("expression 'object.nothing == 1' resulted in error: no such key: nothing"),
    });
    await admin.patch(
      ValidatingAdmissionPolicy,
      { name: 'p' },
      { spec: { failurePolicy: 'Ignore' } },
      { type: 'merge' },
    );
    await expect(make()).resolves.toBeDefined();
  });

  it('cannot burn the server’s time', async () => {
    await validate({
      validations: [
        {
          expression:
            '[1,2,3,4,5,6,7,8,9,0].all(a, [1,2,3,4,5,6,7,8,9,0].all(b, [1,2,3,4,5,6,7,8,9,0].all(c, [1,2,3,4,5,6,7,8,9,0].all(d, [1,2,3,4,5,6,7,8,9,0].all(e, [1,2,3,4,5,6,7,8,9,0].all(f, a+b+c+d+e+f >= 0))))))',
        },
      ],
    });
    await expect(make()).rejects.toMatchObject({ message: expect.stringContaining('cost exceeds limit') });
  });

  it.each<[string, object, string]>([
    [
      'an unknown variable',
      { validations: [{ expression: 'nothing == 1' }] },
      'spec.validations[0].expression: Invalid value: "nothing == 1": compilation failed: ERROR: <input>:1:1: undeclared reference to \'nothing\'',
    ],
    ['another result', { validations: [{ expression: '1 + 1' }] }, 'must evaluate to bool'],
    [
      'a bad message',
      { validations: [{ expression: 'true', messageExpression: '1' }] },
      'spec.validations[0].messageExpression',
    ],
    [
      'a bad condition',
      { validations: [{ expression: 'true' }], matchConditions: [{ name: 'x', expression: 'params.x' }] },
      'spec.matchConditions[0].expression',
    ],
  ])('with %s are refused', async (_, spec, message) => {
    await expect(validate(spec)).rejects.toMatchObject({
      reason: 'Invalid',
      message: expect.stringContaining(message),
    });
  });

  it('have their types checked in the status', async () => {
    await validate({
      matchConstraints: rules('deployments', 'apps'),
      validations: [{ expression: 'object.spec.replicaz > 1' }],
    });
    await expect
      .poll(
        async () => (await admin.get(ValidatingAdmissionPolicy, { name: 'p' })).status.typeChecking?.expressionWarnings,
      )
      .toEqual([
        {
          fieldRef: 'spec.validations[0].expression',
          warning: expect.stringContaining("apps/v1, Kind=Deployment: ERROR: <input>:1:12: undefined field 'replicaz'"),
        },
      ]);
  });
});

describe('mutating admission policies', () => {
  it('apply configurations', async () => {
    await mutate({
      mutations: [
        {
          patchType: 'ApplyConfiguration',
          applyConfiguration: {
            expression:
              "Object{metadata: Object.metadata{labels: {'by': request.operation}}, data: {'size': string(size(object.data))}}",
          },
        },
      ],
    });
    const made = await make({ a: '1' });
    expect(made.metadata.labels).toEqual({ by: 'CREATE' });
    expect(made.data).toEqual({ a: '1', size: '1' });
  });

  it('merge lists by their keys', async () => {
    await mutate({
      matchConstraints: rules('pods'),
      mutations: [
        {
          patchType: 'ApplyConfiguration',
          applyConfiguration: {
            expression:
              "Object{spec: Object.spec{containers: object.spec.containers.map(c, Object.spec.containers{name: c.name, env: [Object.spec.containers.env{name: 'MADE_BY', value: 'policy'}]})}}",
          },
        },
      ],
    });
    const made = await admin.create(Pod, {
      metadata: { namespace: 'ruled', generateName: 'p-' },
      spec: { containers: [{ name: 'a', image: 'i', env: [{ name: 'X', value: '1' }] }] },
    });
    expect(made.spec.containers).toHaveLength(1);
    expect(made.spec.containers[0]).toMatchObject({ name: 'a', image: 'i' });
    expect(made.spec.containers[0]!.env).toHaveLength(2);
  });

  it('apply JSON patches', async () => {
    await mutate({
      mutations: [
        {
          patchType: 'JSONPatch',
          jsonPatch: {
            expression:
              "[JSONPatch{op: 'add', path: '/data/' + jsonpatch.escapeKey('k'), value: 'v'}, ?optional.none()]",
          },
        },
      ],
    });
    expect((await make({ a: '' })).data).toEqual({ a: '', k: 'v' });
  });

  it('fail as their policy says', async () => {
    await mutate({
      mutations: [
        { patchType: 'JSONPatch', jsonPatch: { expression: "[JSONPatch{op: 'remove', path: '/data/none'}]" } },
      ],
    });
    await expect(make({ a: '' })).rejects.toMatchObject({
      reason: 'Forbidden',
      message: expect.stringContaining("policy 'm' with binding 'b' denied request"),
    });
    await admin.patch(MutatingAdmissionPolicy, { name: 'm' }, { spec: { failurePolicy: 'Ignore' } }, { type: 'merge' });
    await expect(make({ a: '' })).resolves.toBeDefined();
  });
});
