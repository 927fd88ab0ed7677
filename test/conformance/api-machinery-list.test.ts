/** That the tests of this folder leave out none of upstream's conformance list for sig-api-machinery. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

/** The names after `[sig-api-machinery] `, by what is tested. */
const listed: Readonly<Record<string, readonly string[]>> = {
  'API priority and fairness': [
    'should support FlowSchema API operations',
    'should support PriorityLevelConfiguration API operations',
  ],
  'AdmissionWebhook [Privileged:ClusterAdmin]': [
    'listing mutating webhooks should work',
    'listing validating webhooks should work',
    'patching/updating a mutating webhook should work',
    'patching/updating a validating webhook should work',
    'should be able to create and update mutating webhook configurations with match conditions',
    'should be able to create and update validating webhook configurations with match conditions',
    'should be able to deny attaching pod',
    'should be able to deny custom resource creation, update and deletion',
    'should be able to deny pod and configmap creation',
    'should deny crd creation',
    'should honor timeout',
    'should include webhook resources in discovery documents',
    'should mutate configmap',
    'should mutate custom resource',
    'should mutate custom resource with different stored version',
    'should mutate custom resource with pruning',
    "should mutate everything except 'skip-me' configmaps",
    'should mutate pod and apply defaults after mutation',
    'should not be able to mutate or prevent deletion of webhook configuration objects',
    'should reject mutating webhook configurations with invalid match conditions',
    'should reject validating webhook configurations with invalid match conditions',
    'should unconditionally reject operations on fail closed webhook',
  ],
  AggregatedDiscovery: [
    'should support aggregated discovery interface',
    'should support aggregated discovery interface for CRDs',
    'should support raw aggregated discovery endpoint Accept headers',
    'should support raw aggregated discovery request for CRDs',
  ],
  Aggregator: ['Should be able to support the 1.17 Sample API Server using the current Aggregator'],
  'CustomResourceConversionWebhook [Privileged:ClusterAdmin]': [
    'should be able to convert a non homogeneous list of CRs',
    'should be able to convert from CR v1 to CR v2',
  ],
  'CustomResourceDefinition Watch [Privileged:ClusterAdmin] CustomResourceDefinition Watch': [
    'watch on custom resource definition objects',
  ],
  'CustomResourceDefinition resources [Privileged:ClusterAdmin]': [
    'Simple CustomResourceDefinition creating/deleting custom resource definition objects works',
    'Simple CustomResourceDefinition getting/updating/patching custom resource definition status sub-resource works',
    'Simple CustomResourceDefinition listing custom resource definition objects works',
    'custom resource defaulting for requests and from storage works',
    'should include custom resource definition resources in discovery documents',
  ],
  'CustomResourceFieldSelectors [Privileged:ClusterAdmin] CustomResourceFieldSelectors': [
    'MUST list and watch custom resources matching the field selector',
  ],
  'CustomResourcePublishOpenAPI [Privileged:ClusterAdmin]': [
    'removes definition from spec when one version gets changed to not be served',
    'updates the published spec when one version gets renamed',
    'works for CRD preserving unknown fields at the schema root',
    'works for CRD preserving unknown fields in an embedded object',
    'works for CRD with validation schema',
    'works for CRD without validation schema',
    'works for multiple CRDs of different groups',
    'works for multiple CRDs of same group and version but different kinds',
    'works for multiple CRDs of same group but different versions',
  ],
  Discovery: [
    'should locate the groupVersion and a resource within each APIGroup',
    'should validate PreferredVersion for each APIGroup',
  ],
  FieldValidation: [
    'should create/apply a CR with unknown fields for CRD with no validation schema',
    'should create/apply a valid CR for CRD with validation schema',
    'should create/apply an invalid CR with extra properties for CRD with validation schema',
    'should detect duplicates in a CR when preserving unknown fields',
    'should detect unknown and duplicate fields of a typed object',
    'should detect unknown metadata fields in both the root and embedded object of a CR',
    'should detect unknown metadata fields of a typed object',
  ],
  'Garbage collector': [
    'should delete RS created by deployment when not orphaning',
    'should delete pods created by rc when not orphaning',
    'should keep the rc around until all its pods are deleted if the deleteOptions says so',
    'should not be blocked by dependency circle',
    "should not delete dependents that have both valid owner and owner that's waiting for dependents to be deleted",
    'should orphan RS created by deployment when deleteOptions.PropagationPolicy is Orphan',
    'should orphan pods created by rc if delete options say so',
  ],
  'MutatingAdmissionPolicy [Privileged:ClusterAdmin]': [
    'should mutate a Deployment',
    'should support MutatingAdmissionPolicy API operations',
    'should support MutatingAdmissionPolicyBinding API operations',
  ],
  'Namespaces [Serial]': [
    'should apply a finalizer to a Namespace',
    'should apply an update to a Namespace',
    'should apply changes to a namespace status',
    'should ensure that all pods are removed when a namespace is deleted',
    'should ensure that all services are removed when a namespace is deleted',
    'should patch a Namespace',
  ],
  OrderedNamespaceDeletion: ['namespace deletion should delete pod first'],
  ResourceQuota: [
    'should apply changes to a resourcequota status',
    'should be able to update and delete ResourceQuota.',
    'should create a ResourceQuota and capture the life of a configMap.',
    'should create a ResourceQuota and capture the life of a pod.',
    'should create a ResourceQuota and capture the life of a replica set.',
    'should create a ResourceQuota and capture the life of a replication controller.',
    'should create a ResourceQuota and capture the life of a secret.',
    'should create a ResourceQuota and capture the life of a service.',
    'should create a ResourceQuota and ensure its status is promptly calculated.',
    'should manage the lifecycle of a ResourceQuota',
    'should verify ResourceQuota with best effort scope.',
    'should verify ResourceQuota with terminating scopes.',
  ],
  'Servers with support for API chunking': [
    'should return chunks of results for list calls',
    'should continue listing from the last key if the original version has been compacted away, though the list is inconsistent [Slow]',
  ],
  'Servers with support for Table transformation': [
    'should return a 406 for a backend which does not implement metadata',
  ],
  'ValidatingAdmissionPolicy [Privileged:ClusterAdmin]': [
    'should allow expressions to refer variables.',
    'should support ValidatingAdmissionPolicy API operations',
    'should support ValidatingAdmissionPolicyBinding API operations',
    'should validate against a Deployment',
  ],
  Watchers: [
    'should be able to restart watching from the last resource version observed by the previous watch',
    'should be able to start watching from a specific resource version',
    'should observe add, update, and delete watch notifications on configmaps',
    'should observe an object deletion if it stops meeting the requirements of the selector',
    'should receive events on concurrent watches in same order',
  ],
  'server version': ['should find the server version'],
};

const sources = readdirSync(import.meta.dirname)
  .filter((file) => file.startsWith('api-machinery') && file.endsWith('.test.ts') && !file.includes('-list.'))
  .map((file) => readFileSync(join(import.meta.dirname, file), 'utf8'))
  .join('\n')
  .split(/(?=^describe\()/m);

describe.each(Object.entries(listed))('[sig-api-machinery] %s', (subject, names) => {
  it.each(names)('%s [is tested]', (name) => {
    const own = sources.filter((source) => source.startsWith(`describe('[sig-api-machinery] ${subject}'`));
    expect(own.some((source) => source.includes(`'${name}'`) || source.includes(`"${name}"`))).toBe(true);
  });
});
