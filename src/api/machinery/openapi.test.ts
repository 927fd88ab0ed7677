import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { defineKind, type KubeObject } from '../kind.ts';
import { encodeOpenApiV2, openApiV2 } from './openapi-v2.ts';
import { openApiV3, openApiV3Index, openApiV3Path } from './openapi-v3.ts';

const deployment = defineKind<KubeObject>({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  scope: 'Namespaced',
  schema: 'apps/v1.Deployment',
  subresources: { status: true, scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' } },
});
const review = defineKind<KubeObject>({
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'TokenReview',
  plural: 'tokenreviews',
  scope: 'Cluster',
  schema: 'authentication/v1.TokenReview',
  verbs: ['create'],
});
const widget = defineKind<KubeObject>({
  group: 'stable.example.com',
  version: 'v1',
  kind: 'Widget',
  plural: 'widgets',
  scope: 'Cluster',
  schema: 'core/v1.ConfigMap',
});
const widgetSchema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      nullable: true,
      properties: { default: { type: 'integer', default: 3 }, port: { 'x-kubernetes-int-or-string': true, anyOf: [] } },
    },
  },
};
const options = { version: 'v1.36.0', customSchema: (kind: unknown) => (kind === widget ? widgetSchema : undefined) };

type Any = Record<string, never> & { [key: string]: Any };
const v3 = (kind: typeof deployment) => openApiV3([kind], options) as Any;

/** Every reference in a document. */
function references(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) =>
    key === '$ref' && typeof child === 'string' ? [child] : references(child),
  );
}

describe('openApiV3', () => {
  const document = v3(deployment);
  const schemas = document['components']!['schemas']!;

  it('refers only to what it contains', () => {
    for (const reference of new Set(references(document))) {
      expect(schemas).toHaveProperty([reference.replace('#/components/schemas/', '')]);
    }
  });

  it('has what apply, explain and server-side apply need of a field', () => {
    expect(schemas['io.k8s.api.core.v1.PodSpec']!['properties']!['containers']).toMatchObject({
      type: 'array',
      items: { allOf: [{ $ref: '#/components/schemas/io.k8s.api.core.v1.Container' }], default: {} },
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      'x-kubernetes-patch-merge-key': 'name',
      'x-kubernetes-patch-strategy': 'merge',
    });
    expect(schemas['io.k8s.api.core.v1.ContainerPort']).toMatchObject({
      required: ['containerPort'],
      properties: { protocol: { default: 'TCP', enum: ['SCTP', 'TCP', 'UDP'] } },
    });
    expect(schemas['io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector']!['x-kubernetes-map-type']).toBe('atomic');
    expect(schemas['io.k8s.api.apps.v1.Deployment']!['x-kubernetes-group-version-kind']).toEqual([
      { group: 'apps', kind: 'Deployment', version: 'v1' },
    ]);
    expect(schemas['io.k8s.api.apps.v1.DeploymentSpec']!['required']).toEqual(['selector', 'template']);
    expect(schemas['io.k8s.api.core.v1.ResourceQuotaSpec']).toBeUndefined();
  });

  it('has the operations with the parameters that kubectl looks for', () => {
    const item = document['paths']!['/apis/apps/v1/namespaces/{namespace}/deployments/{name}']!;
    expect(Object.keys(item)).toEqual(['delete', 'get', 'patch', 'put', 'parameters']);
    expect(item['patch']).toMatchObject({
      operationId: 'patchAppsV1NamespacedDeployment',
      'x-kubernetes-action': 'patch',
      'x-kubernetes-group-version-kind': { group: 'apps', kind: 'Deployment', version: 'v1' },
    });
    const names = (item['patch']!['parameters'] as unknown as { name: string }[]).map(({ name }) => name);
    expect(names).toEqual(['dryRun', 'fieldManager', 'fieldValidation', 'force']);
    expect(document['paths']!['/apis/apps/v1/deployments']!['get']!['operationId']).toBe(
      'listAppsV1DeploymentForAllNamespaces',
    );
    const scale = document['paths']!['/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale']!;
    expect(scale['put']).toMatchObject({
      operationId: 'replaceAppsV1NamespacedDeploymentScale',
      'x-kubernetes-group-version-kind': { group: 'autoscaling', kind: 'Scale', version: 'v1' },
      requestBody: { content: { '*/*': { schema: { $ref: '#/components/schemas/io.k8s.api.autoscaling.v1.Scale' } } } },
    });
    expect(Object.keys(v3(review)['paths']!)).toEqual(['/apis/authentication.k8s.io/v1/tokenreviews']);
  });

  it('takes custom resources as their definitions describe them', () => {
    const custom = v3(widget)['components']!['schemas']!;
    expect(custom['com.example.stable.v1.Widget']).toMatchObject({
      properties: { spec: widgetSchema.properties.spec, metadata: { $ref: expect.stringMatching(/ObjectMeta$/) } },
      'x-kubernetes-group-version-kind': [{ group: 'stable.example.com', kind: 'Widget', version: 'v1' }],
    });
    expect(custom['com.example.stable.v1.WidgetList']).toMatchObject({ required: ['items'] });
  });

  it('is found by an index', () => {
    expect(openApiV3Path(deployment)).toBe('apis/apps/v1');
    expect(openApiV3Index([['api/v1', 'AB']])).toEqual({
      paths: { 'api/v1': { serverRelativeURL: '/openapi/v3/api/v1?hash=AB' } },
    });
  });
});

describe('openApiV2', () => {
  const document = openApiV2([deployment, review, widget], options) as Any;

  it('has all kinds, without what version 2 cannot say', () => {
    for (const reference of new Set(references(document))) {
      expect(document['definitions']).toHaveProperty([reference.replace('#/definitions/', '')]);
    }
    expect(document['definitions']!['com.example.stable.v1.Widget']!['properties']!['spec']).toEqual({
      type: 'object',
      properties: { default: { type: 'integer' }, port: { 'x-kubernetes-int-or-string': true } },
    });
    expect(document['definitions']!['io.k8s.apimachinery.pkg.util.intstr.IntOrString']).toMatchObject({
      type: 'string',
      format: 'int-or-string',
    });
  });

  it('has a protobuf form', () => {
    const root = protobuf.parse(`
      syntax = "proto3";
      message Document { string swagger = 1; Paths paths = 8; Definitions definitions = 9; }
      message Paths { repeated NamedPathItem path = 2; }
      message NamedPathItem { string name = 1; PathItem value = 2; }
      message PathItem { Operation get = 2; Operation patch = 8; repeated ParametersItem parameters = 9; }
      message Operation { string operation_id = 5; repeated string consumes = 7; repeated ParametersItem parameters = 8; repeated NamedAny vendor_extension = 13; }
      message ParametersItem { Parameter parameter = 1; }
      message Parameter { Body body_parameter = 1; NonBody non_body_parameter = 2; }
      message Body { string name = 2; string in = 3; bool required = 4; Schema schema = 5; }
      message NonBody { Query query = 3; Path path = 4; }
      message Query { string in = 2; string name = 4; string type = 6; bool unique_items = 20; }
      message Path { bool required = 1; string in = 2; string name = 4; string type = 5; }
      message Definitions { repeated NamedSchema additional_properties = 1; }
      message NamedSchema { string name = 1; Schema value = 2; }
      message Schema { string _ref = 1; string format = 2; string description = 4; repeated string required = 19; repeated Any enum = 20; Additional additional_properties = 21; TypeItem type = 22; Items items = 23; Properties properties = 25; repeated NamedAny vendor_extension = 31; }
      message Additional { Schema schema = 1; bool boolean = 2; }
      message TypeItem { repeated string value = 1; }
      message Items { repeated Schema schema = 1; }
      message Properties { repeated NamedSchema additional_properties = 1; }
      message NamedAny { string name = 1; Any value = 2; }
      message Any { string yaml = 2; }
    `).root;
    const type = root.lookupType('Document');
    const decoded = type.toObject(type.decode(encodeOpenApiV2(document)), { arrays: true }) as Any;
    const named = (list: unknown, name: string) =>
      (list as { name: string; value: Any }[]).find((entry) => entry.name === name)?.value as Any;
    expect(decoded['swagger']).toBe('2.0');
    const spec = named(decoded['definitions']!['additionalProperties'], 'io.k8s.api.core.v1.PodSpec');
    expect(spec['type']).toEqual({ value: ['object'] });
    expect(spec['required']).toEqual(['containers']);
    const containers = named(spec['properties']!['additionalProperties'], 'containers');
    expect(containers['items']!['schema']).toMatchObject([{ _ref: '#/definitions/io.k8s.api.core.v1.Container' }]);
    expect(named(containers['vendorExtension'], 'x-kubernetes-patch-merge-key')).toEqual({ yaml: '"name"\n' });
    const labels = named(
      named(decoded['definitions']!['additionalProperties'], 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta')[
        'properties'
      ]!['additionalProperties'],
      'labels',
    );
    expect(labels['additionalProperties']!['schema']!['type']).toEqual({ value: ['string'] });
    const patch = named(decoded['paths']!['path'], '/apis/apps/v1/namespaces/{namespace}/deployments/{name}')['patch']!;
    expect(patch['operationId']).toBe('patchAppsV1NamespacedDeployment');
    expect(patch['parameters']).toMatchObject([
      { parameter: { bodyParameter: { name: 'body', in: 'body', required: true } } },
      {
        parameter: { nonBodyParameter: { query: { name: 'dryRun', in: 'query', type: 'string', uniqueItems: true } } },
      },
      {},
      {},
      {},
    ]);
  });
});
