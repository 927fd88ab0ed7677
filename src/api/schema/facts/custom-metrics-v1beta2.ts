import type { SchemaFacts } from '../facts.ts';

/** The types of custom.metrics.k8s.io/v1beta2: the notation is explained in ../facts.ts. */
export const facts: SchemaFacts = {
  id: 'custom_metrics/v1beta2',
  apiVersion: 'custom.metrics.k8s.io/v1beta2',
  openapi: 'io.k8s.metrics.pkg.apis.custom_metrics.v1beta2',
  text: `
type MetricIdentifier
  1 name string
  2 selector *meta/v1.LabelSelector optional
type MetricListOptions
  - ... meta/v1.TypeMeta
  1 labelSelector? string
  2 metricLabelSelector? string
type MetricValue
  - ... meta/v1.TypeMeta
  1 describedObject core/v1.ObjectReference
  2 metric MetricIdentifier
  3 timestamp Time
  4 windowSeconds? *int64
  5 value Quantity
type MetricValueList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []MetricValue
`,
};
