import type { SchemaFacts } from '../facts.ts';

/** The types of scheduling.k8s.io/v1: the notation is explained in ../facts.ts. */
export const facts: SchemaFacts = {
  id: 'scheduling/v1',
  apiVersion: 'scheduling.k8s.io/v1',
  openapi: 'io.k8s.api.scheduling.v1',
  text: `
type PriorityClass cluster
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 value int32 optional
  3 globalDefault? bool
  4 description? string
  5 preemptionPolicy? *core/v1.PreemptionPolicy
type PriorityClassList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []PriorityClass
`,
};
