import type { SchemaFacts } from '../facts.ts';

/** The types of metrics.k8s.io/v1beta1: the notation is explained in ../facts.ts. */
export const facts: SchemaFacts = {
  id: 'metrics/v1beta1',
  apiVersion: 'metrics.k8s.io/v1beta1',
  openapi: 'io.k8s.metrics.pkg.apis.metrics.v1beta1',
  text: `
type ContainerMetrics
  1 name string
  2 usage core/v1.ResourceList
type NodeMetrics cluster
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 timestamp Time
  3 window Duration
  4 usage core/v1.ResourceList
type NodeMetricsList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []NodeMetrics
type PodMetrics
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 timestamp Time
  3 window Duration
  4 containers []ContainerMetrics list=atomic
type PodMetricsList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []PodMetrics
`,
};
