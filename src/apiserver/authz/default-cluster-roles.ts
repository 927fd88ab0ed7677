/**
 * Upstream's default cluster roles of v1.36 with its default feature gates, as data: name, labels, and one line a rule,
 * `verbs | groups | resources [| names]`. A group is `core` for the core group; a rule on URLs is `verbs | urls`.
 */
import type { RoleText } from './policy-text.ts';

const read = 'get list watch';
const write = 'create delete deletecollection patch update';
const readWrite = 'create delete deletecollection get list patch update watch';
const events = 'create patch update | core events.k8s.io | events';

const aggregateTo = (role: string) => ({ [`rbac.authorization.k8s.io/aggregate-to-${role}`]: 'true' });

const approver = (signer: string): RoleText => ({
  name: `system:certificates.k8s.io:${signer}-approver`,
  rules: [`approve | certificates.k8s.io | signers | kubernetes.io/${signer}`],
});

const editedInExtensions =
  'daemonsets deployments deployments/rollback deployments/scale ingresses networkpolicies replicasets replicasets/scale replicationcontrollers/scale';

const namespaceRoles: readonly RoleText[] = [
  { name: 'admin', aggregates: aggregateTo('admin') },
  { name: 'edit', labels: aggregateTo('admin'), aggregates: aggregateTo('edit') },
  { name: 'view', labels: aggregateTo('edit'), aggregates: aggregateTo('view') },
  {
    name: 'system:aggregate-to-admin',
    labels: aggregateTo('admin'),
    rules: [
      'create | authorization.k8s.io | localsubjectaccessreviews',
      `${readWrite} | rbac.authorization.k8s.io | rolebindings roles`,
    ],
  },
  {
    name: 'system:aggregate-to-edit',
    labels: aggregateTo('edit'),
    rules: [
      `${read} | core | pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy`,
      'impersonate | core | serviceaccounts',
      `${write} | core | pods pods/attach pods/exec pods/portforward pods/proxy`,
      'create | core | pods/eviction',
      `${write} | core | configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy`,
      'create | core | serviceaccounts/token',
      `${write} | apps | daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale`,
      `${write} | autoscaling | horizontalpodautoscalers`,
      `${write} | batch | cronjobs jobs`,
      `${write} | extensions | ${editedInExtensions}`,
      `${write} | policy | poddisruptionbudgets`,
      `${write} | networking.k8s.io | ingresses networkpolicies`,
      `${write} | events.k8s.io | events`,
      `${readWrite} | coordination.k8s.io | leases`,
      `${write} | resource.k8s.io | resourceclaims resourceclaimtemplates`,
    ],
  },
  {
    name: 'system:aggregate-to-view',
    labels: aggregateTo('view'),
    rules: [
      `${read} | core | configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status`,
      `${read} | core | bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status`,
      `${read} | core | namespaces`,
      `${read} | discovery.k8s.io | endpointslices`,
      `${read} | apps | controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status`,
      `${read} | autoscaling | horizontalpodautoscalers horizontalpodautoscalers/status`,
      `${read} | batch | cronjobs cronjobs/status jobs jobs/status`,
      `${read} | extensions | daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status networkpolicies replicasets replicasets/scale replicasets/status replicationcontrollers/scale`,
      `${read} | policy | poddisruptionbudgets poddisruptionbudgets/status`,
      `${read} | networking.k8s.io | ingresses ingresses/status networkpolicies`,
      `${read} | events.k8s.io | events`,
      `${read} | resource.k8s.io | resourceclaims resourceclaims/status resourceclaimtemplates`,
    ],
  },
];

const callerRoles: readonly RoleText[] = [
  { name: 'cluster-admin', rules: ['* | * | *', '* | *'] },
  {
    name: 'system:auth-delegator',
    rules: ['create | authentication.k8s.io | tokenreviews', 'create | authorization.k8s.io | subjectaccessreviews'],
  },
  {
    name: 'system:basic-user',
    rules: [
      'create | authorization.k8s.io | selfsubjectaccessreviews selfsubjectrulesreviews',
      'create | authentication.k8s.io | selfsubjectreviews',
    ],
  },
  {
    name: 'system:discovery',
    rules: ['get | /api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/'],
  },
  { name: 'system:public-info-viewer', rules: ['get | /healthz /livez /readyz /version /version/'] },
  {
    name: 'system:monitoring',
    rules: [
      'get | /healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/*',
      'get | /flagz',
      'get | /statusz',
      'get | core | nodes/metrics',
    ],
  },
  {
    name: 'system:service-account-issuer-discovery',
    rules: [
      'get | /.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/',
    ],
  },
];

const certificateRoles: readonly RoleText[] = [
  ...['nodeclient', 'selfnodeclient'].map((what) => ({
    name: `system:certificates.k8s.io:certificatesigningrequests:${what}`,
    rules: [`create | certificates.k8s.io | certificatesigningrequests/${what}`],
  })),
  approver('kube-apiserver-client'),
  approver('kube-apiserver-client-kubelet'),
  approver('kubelet-serving'),
  approver('legacy-unknown'),
];

const nodeRoles: readonly RoleText[] = [
  {
    name: 'system:node',
    rules: [
      'create | authentication.k8s.io | tokenreviews',
      'create | authorization.k8s.io | localsubjectaccessreviews subjectaccessreviews',
      `${read} | core | services`,
      'create get list watch | core | nodes',
      'patch update | core | nodes/status',
      'patch update | core | nodes',
      events,
      `${read} | core | pods`,
      'create delete | core | pods',
      'patch update | core | pods/status',
      'create | core | pods/eviction',
      `${read} | core | configmaps secrets`,
      'get | core | persistentvolumeclaims persistentvolumes',
      'get | core | endpoints',
      'create get list watch | certificates.k8s.io | certificatesigningrequests',
      'create delete get patch update | coordination.k8s.io | leases',
      'get | storage.k8s.io | volumeattachments',
      'create | core | serviceaccounts/token',
      'get patch update | core | persistentvolumeclaims/status',
      `${read} | storage.k8s.io | csidrivers`,
      'create delete get patch update | storage.k8s.io | csinodes',
      `${read} | node.k8s.io | runtimeclasses`,
      'get | resource.k8s.io | resourceclaims',
      'deletecollection | resource.k8s.io | resourceslices',
      'get | core | serviceaccounts',
    ],
  },
  {
    name: 'system:node-bootstrapper',
    rules: ['create get list watch | certificates.k8s.io | certificatesigningrequests'],
  },
  { name: 'system:node-problem-detector', rules: ['get | core | nodes', 'patch | core | nodes/status', events] },
  {
    name: 'system:node-proxier',
    rules: [
      'list watch | core | endpoints services',
      `${read} | core | nodes`,
      events,
      'list watch | networking.k8s.io | servicecidrs',
      'list watch | discovery.k8s.io | endpointslices',
    ],
  },
  {
    name: 'system:kubelet-api-admin',
    rules: [
      `${read} | core | nodes`,
      'proxy | core | nodes',
      '* | core | nodes/log nodes/metrics nodes/proxy nodes/stats',
      '* | core | nodes/configz nodes/healthz nodes/pods',
    ],
  },
];

const componentRoles: readonly RoleText[] = [
  {
    name: 'system:heapster',
    rules: [`${read} | core | events namespaces nodes pods`, `${read} | extensions | deployments`],
  },
  { name: 'system:kube-aggregator', rules: [`${read} | core | endpoints services`] },
  { name: 'system:kube-dns', rules: ['list watch | core | endpoints services'] },
  {
    name: 'system:kube-controller-manager',
    rules: [
      events,
      'create | coordination.k8s.io | leases',
      'get update | coordination.k8s.io | leases | kube-controller-manager',
      'create | core | secrets serviceaccounts',
      'delete | core | secrets',
      'get | core | configmaps namespaces secrets serviceaccounts',
      'update | core | secrets serviceaccounts',
      'create | authentication.k8s.io | tokenreviews',
      'create | authorization.k8s.io | subjectaccessreviews',
      'list watch | * | *',
      'create | core | serviceaccounts/token',
    ],
  },
  {
    name: 'system:kube-scheduler',
    rules: [
      events,
      'create | coordination.k8s.io | leases',
      'get list update watch | coordination.k8s.io | leases | kube-scheduler',
      `${readWrite} | coordination.k8s.io | leasecandidates`,
      `${read} | core | nodes`,
      'delete get list watch | core | pods',
      'create | core | bindings pods/binding',
      'patch update | core | pods/status',
      `${read} | core | replicationcontrollers services`,
      `${read} | apps extensions | replicasets`,
      `${read} | apps | statefulsets`,
      `${read} | policy | poddisruptionbudgets`,
      `${read} | core | persistentvolumeclaims persistentvolumes`,
      'create | authentication.k8s.io | tokenreviews',
      'create | authorization.k8s.io | subjectaccessreviews',
      `${read} | storage.k8s.io | csinodes`,
      `${read} | storage.k8s.io | volumeattachments`,
      `${read} | core | namespaces`,
      `${read} | storage.k8s.io | csidrivers`,
      `${read} | storage.k8s.io | csistoragecapacities`,
      `${read} | resource.k8s.io | deviceclasses`,
      'create delete get list patch update watch | resource.k8s.io | resourceclaims',
      'get list patch update watch | resource.k8s.io | resourceclaims/status',
      'update | core | pods/finalizers',
      `${read} | resource.k8s.io | resourceslices`,
      'create delete | resource.k8s.io | resourceclaims',
      'patch update | resource.k8s.io | resourceclaims/binding',
    ],
  },
  {
    name: 'system:persistent-volume-provisioner',
    rules: [
      'create delete get list watch | core | persistentvolumes',
      'get list update watch | core | persistentvolumeclaims',
      `${read} | storage.k8s.io | storageclasses`,
      'watch | core | events',
      events,
    ],
  },
  {
    name: 'system:volume-scheduler',
    rules: [
      'get list patch update watch | core | persistentvolumes',
      `${read} | storage.k8s.io | storageclasses`,
      'get list patch update watch | core | persistentvolumeclaims',
    ],
  },
];

/** Upstream's controllers that do not run here, by account: whoever runs one beside the cluster finds its role. */
export const absentControllers: Readonly<Record<string, readonly string[]>> = {
  'device-taint-eviction-controller': [
    'delete get list watch | core | pods',
    'patch update | core | pods/status',
    `${read} | resource.k8s.io | deviceclasses resourceclaims resourceslices`,
    events,
  ],
  'route-controller': ['list watch | core | nodes', 'patch | core | nodes/status', events],
  'selinux-warning-controller': [
    events,
    `${read} | core | persistentvolumeclaims persistentvolumes pods`,
    `${read} | storage.k8s.io | csidrivers`,
  ],
};

/** All of them; the controllers' own roles come from the controllers. */
export const defaultClusterRoles: readonly RoleText[] = [
  ...namespaceRoles,
  ...callerRoles,
  ...certificateRoles,
  ...nodeRoles,
  ...componentRoles,
];
