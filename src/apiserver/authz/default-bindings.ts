/** Upstream's default bindings and namespaced roles, in the short form of policy-text.ts. */
import type { RoleText } from './policy-text.ts';

export interface BindingText {
  readonly name: string;
  /** The role's name, when it differs from the binding's. */
  readonly role?: string;
  readonly subjects: readonly string[];
}

/** Cluster-wide bindings, each to the ClusterRole of its name. */
export const defaultClusterRoleBindings: readonly BindingText[] = [
  { name: 'cluster-admin', subjects: ['Group:system:masters'] },
  { name: 'system:monitoring', subjects: ['Group:system:monitoring'] },
  { name: 'system:discovery', subjects: ['Group:system:authenticated'] },
  { name: 'system:basic-user', subjects: ['Group:system:authenticated'] },
  {
    name: 'system:public-info-viewer',
    subjects: ['Group:system:authenticated', 'Group:system:unauthenticated'],
  },
  { name: 'system:node-proxier', subjects: ['User:system:kube-proxy'] },
  { name: 'system:kube-controller-manager', subjects: ['User:system:kube-controller-manager'] },
  { name: 'system:kube-dns', subjects: ['ServiceAccount:kube-system/kube-dns'] },
  { name: 'system:kube-scheduler', subjects: ['User:system:kube-scheduler'] },
  { name: 'system:volume-scheduler', subjects: ['User:system:kube-scheduler'] },
  // Nodes are authorized by the node authorizer; the binding stays for those who bind nodes by hand.
  { name: 'system:node', subjects: [] },
  { name: 'system:service-account-issuer-discovery', subjects: ['Group:system:serviceaccounts'] },
];

/** The group of join tokens: their holders may ask for a node's certificate, and get nothing else. */
const joiningGroup = 'system:bootstrappers:timonel:node';

/** What lets a machine with a join token become a node and renew its certificate, as kubeadm binds it. */
export const nodeJoinBindings: readonly BindingText[] = [
  { name: 'timonel:node-bootstrapper', role: 'system:node-bootstrapper', subjects: [`Group:${joiningGroup}`] },
  {
    name: 'timonel:node-autoapprove-bootstrap',
    role: 'system:certificates.k8s.io:certificatesigningrequests:nodeclient',
    subjects: [`Group:${joiningGroup}`],
  },
  {
    name: 'timonel:node-autoapprove-certificate-rotation',
    role: 'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient',
    subjects: ['Group:system:nodes'],
  },
];

const read = 'get list watch';
const events = 'create patch update | core events.k8s.io | events';

const leaderElection = ['create get list update watch | coordination.k8s.io | leasecandidates leases'];

/** Roles by namespace. */
export const defaultRoles: Readonly<Record<string, readonly RoleText[]>> = {
  'kube-public': [
    {
      name: 'system:controller:bootstrap-signer',
      rules: [`${read} | core | configmaps`, 'update | core | configmaps | cluster-info', events],
    },
  ],
  'kube-system': [
    {
      name: 'extension-apiserver-authentication-reader',
      rules: [`${read} | core | configmaps | extension-apiserver-authentication`],
    },
    {
      name: 'system::leader-locking-kube-controller-manager',
      rules: leaderElection,
    },
    {
      name: 'system::leader-locking-kube-scheduler',
      rules: leaderElection,
    },
    { name: 'system:controller:bootstrap-signer', rules: [`${read} | core | secrets`] },
    { name: 'system:controller:cloud-provider', rules: ['create get list watch | core | configmaps'] },
    { name: 'system:controller:token-cleaner', rules: ['delete get list watch | core | secrets', events] },
  ],
};

/** Bindings by namespace. */
export const defaultRoleBindings: Readonly<Record<string, readonly BindingText[]>> = {
  'kube-public': [
    { name: 'system:controller:bootstrap-signer', subjects: ['ServiceAccount:kube-system/bootstrap-signer'] },
  ],
  'kube-system': [
    {
      name: 'system::extension-apiserver-authentication-reader',
      role: 'extension-apiserver-authentication-reader',
      subjects: ['User:system:kube-controller-manager', 'User:system:kube-scheduler'],
    },
    {
      name: 'system::leader-locking-kube-controller-manager',
      subjects: [
        'User:system:kube-controller-manager',
        'ServiceAccount:kube-system/kube-controller-manager',
        'ServiceAccount:kube-system/leader-election-controller',
      ],
    },
    {
      name: 'system::leader-locking-kube-scheduler',
      subjects: ['User:system:kube-scheduler', 'ServiceAccount:kube-system/kube-scheduler'],
    },
    { name: 'system:controller:bootstrap-signer', subjects: ['ServiceAccount:kube-system/bootstrap-signer'] },
    { name: 'system:controller:cloud-provider', subjects: ['ServiceAccount:kube-system/cloud-provider'] },
    { name: 'system:controller:token-cleaner', subjects: ['ServiceAccount:kube-system/token-cleaner'] },
  ],
};
