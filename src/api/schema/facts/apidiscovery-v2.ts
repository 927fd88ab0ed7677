import type { SchemaFacts } from '../facts.ts';

/** The types of apidiscovery.k8s.io/v2: the notation is explained in ../facts.ts. */
export const facts: SchemaFacts = {
  id: 'apidiscovery/v2',
  apiVersion: 'apidiscovery.k8s.io/v2',
  openapi: 'io.k8s.api.apidiscovery.v2',
  text: `
type APIGroupDiscovery
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 versions? []APIVersionDiscovery list=map keys=version
type APIGroupDiscoveryList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []APIGroupDiscovery
type APIResourceDiscovery
  1 resource string
  2 responseKind? *meta/v1.GroupVersionKind
  3 scope ResourceScope
  4 singularResource string
  5 verbs []string list=set
  6 shortNames? []string list=set
  7 categories? []string list=set
  8 subresources? []APISubresourceDiscovery list=map keys=subresource
type APISubresourceDiscovery
  1 subresource string
  2 responseKind? *meta/v1.GroupVersionKind
  3 acceptedTypes? []meta/v1.GroupVersionKind list=map keys=group,version,kind
  4 verbs []string list=set
type APIVersionDiscovery
  1 version string
  2 resources? []APIResourceDiscovery list=map keys=resource
  3 freshness? DiscoveryFreshness
alias DiscoveryFreshness string Current Stale
alias ResourceScope string Cluster Namespaced
`,
};
