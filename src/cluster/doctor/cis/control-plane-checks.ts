/** 1.3, 1.4, 2 and 3: controllers, scheduler, store, identities and audit policy. */
import { ConfigMap } from '../../../api/core/config-map.ts';
import { Secret } from '../../../api/core/secret.ts';
import { profiling } from './api-server-checks.ts';
import { type CisCheck, fail, type Judgement, judged, manual, notApplicable, pass } from './check.ts';
import type { CisFacts } from './facts.ts';

/** Ports of the server process besides the API's and, where it simulates nodes, theirs. */
function furtherPorts({ sockets, config, nodePorts }: CisFacts): Judgement {
  if (!sockets.server) throw new Error('the sockets of the server cannot be seen');
  const known = new Set([config.apiPort, ...nodePorts.map((port) => Number(new URL(port.url).port))]);
  const further = sockets.server.filter((socket) => !known.has(socket.port) && !socket.loopback);
  return further.length
    ? fail(`the server also listens on ${further.map((socket) => socket.port).join(', ')}`)
    : pass('they run in the server and open no port of their own');
}

function ownAccounts({ clusterRoleBindings }: CisFacts): Judgement {
  const bindings = clusterRoleBindings.filter(({ metadata }) => metadata.name.startsWith('system:controller:'));
  const shared = bindings.filter(({ subjects }) => subjects?.some((subject) => subject.kind !== 'ServiceAccount'));
  return judged(
    bindings.length > 0 && shared.length === 0,
    `${bindings.length} controllers have service accounts and roles of their own`,
    shared.length ? `${shared[0]!.metadata.name} binds more than a service account` : 'controllers have no roles',
  );
}

async function rootCa({ client, pem }: CisFacts): Promise<Judgement> {
  const published = await client.find(ConfigMap, { namespace: 'default', name: 'kube-root-ca.crt' });
  return judged(
    published?.data?.['ca.crt'] === pem('ca.crt'),
    'kube-root-ca.crt in default holds the cluster’s authority',
    'kube-root-ca.crt in default is missing or holds another authority',
  );
}

const privateKey = ({ pem }: CisFacts) =>
  judged(pem('sa.key').includes('PRIVATE KEY'), 'sa.key signs tokens', 'sa.key is no private key');

const etcdTitles = [
  ['2.1', 'etcd has a serving certificate'],
  ['2.2', 'etcd asks for client certificates'],
  ['2.3', 'etcd does not sign its own certificates'],
  ['2.4', 'etcd members have certificates'],
  ['2.5', 'etcd members ask each other for certificates'],
  ['2.6', 'etcd members do not sign their own certificates'],
  ['2.7', 'etcd has an authority of its own'],
] as const;

const storeChecks = etcdTitles.map(
  ([id, title]): CisCheck => ({
    id,
    title,
    judge: ({ config }) =>
      config.store === 'etcd'
        ? manual(`etcd at ${config.etcdEndpoints.join(', ')} is yours: see how it was started`)
        : notApplicable(`the ${config.store} store is part of the server`),
  }),
);

const oidc = ({ config }: CisFacts) =>
  config.authenticationConfig
    ? `identities also come by ${config.authenticationConfig}`
    : 'no other source of identities is set; --authentication-config names OIDC issuers';

async function joinTokens({ client }: CisFacts): Promise<Judgement> {
  const { items } = await client.list(Secret, {
    namespace: 'kube-system',
    fieldSelector: 'type=bootstrap.kubernetes.io/token',
  });
  return manual(
    `${items.length} join tokens exist; they may ask for node certificates and nothing else ("timonel token list")`,
  );
}

const auditPolicy = ({ config }: CisFacts): Judgement => {
  if (!config.auditLog) return manual('audit is off; --audit-log FILE turns it on with a policy that covers metadata');
  return pass(
    config.auditPolicy ? `policy ${config.auditPolicy}` : 'the built-in policy: who did what, without bodies',
  );
};

/** 1.3, 1.4, 2 and 3. */
export const controlPlaneChecks: readonly CisCheck[] = [
  {
    id: '1.3.1',
    title: 'finished pods are collected',
    judge: ({ config }) =>
      config.disable.includes('controllers')
        ? manual('the controllers are disabled')
        : pass('beyond 12500 finished pods the oldest are removed'),
  },
  { id: '1.3.2', title: 'no profiling at the controllers', judge: profiling },
  { id: '1.3.3', title: 'controllers have accounts of their own', judge: ownAccounts },
  { id: '1.3.4', title: 'a private key signs tokens', judge: privateKey },
  { id: '1.3.5', title: 'pods get the cluster’s authority', judge: rootCa },
  {
    id: '1.3.6',
    title: 'node serving certificates are renewed',
    judge: ({ config }) => pass(`the ${config.runtime === 'cri' ? 'agent' : 'server'} renews them while it runs`),
  },
  { id: '1.3.7', title: 'no port of the controllers', judge: furtherPorts },
  { id: '1.4.1', title: 'no profiling at the scheduler', judge: profiling },
  { id: '1.4.2', title: 'no port of the scheduler', judge: furtherPorts },
  ...storeChecks,
  {
    id: '3.1.1',
    title: 'people do not use certificates',
    judge: (facts) => manual(`the first kubeconfig is a certificate; ${oidc(facts)}`),
  },
  {
    id: '3.1.2',
    title: 'people do not use service accounts',
    judge: ({ serviceAccounts }) => manual(`${serviceAccounts.length} service accounts exist; see who holds tokens`),
  },
  { id: '3.1.3', title: 'people do not use join tokens', judge: joinTokens },
  { id: '3.2.1', title: 'there is an audit policy', judge: auditPolicy },
  {
    id: '3.2.2',
    title: 'the audit policy covers what matters',
    judge: ({ config }) => manual(config.auditLog ? 'read the policy with your needs in mind' : 'audit is off'),
  },
];
