/** 1.2: admission plugins, found out by dry runs of what each must refuse or change. */
import { type CisCheck, fail, type Judgement, judged, manual, pass } from './check.ts';
import type { CisFacts } from './facts.ts';

interface StatusBody {
  readonly message?: string;
  readonly reason?: string;
}

const messageOf = (body: string): string => (JSON.parse(body) as StatusBody).message ?? '';
const created = 201;

/** Fits the strictest security profile, so that only the plugin in question refuses it. */
const pod = (spec: object) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'timonel-doctor' },
  spec: {
    securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name: 'main',
        image: 'timonel-doctor:v1',
        imagePullPolicy: 'IfNotPresent',
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      },
    ],
    ...spec,
  },
});

async function serviceAccount({ dryRun }: CisFacts): Promise<Judgement> {
  const answer = await dryRun('/api/v1/namespaces/default/pods', pod({ serviceAccountName: 'timonel-doctor-none' }));
  if (answer.status === created) return fail('a pod with an account that does not exist is let through');
  const message = messageOf(answer.body);
  if (!/service ?account/i.test(message)) throw new Error(`the trial pod was refused for another reason: ${message}`);
  return pass('a pod with an account that does not exist is refused');
}

async function namespaceLifecycle({ dryRun }: CisFacts): Promise<Judgement> {
  const answer = await dryRun('/api/v1/namespaces/timonel-doctor-none/configmaps', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'timonel-doctor' },
  });
  return judged(
    answer.status === 404,
    'an object in a namespace that does not exist is refused with 404',
    `an object in a namespace that does not exist is answered with ${answer.status}`,
  );
}

async function nodeRestriction({ dryRun, as, nodes }: CisFacts): Promise<Judgement> {
  const name = nodes[0]?.metadata.name ?? 'timonel-doctor-node';
  const answer = await dryRun(
    '/api/v1/nodes',
    { apiVersion: 'v1', kind: 'Node', metadata: { name: 'timonel-doctor-other' } },
    as(`system:node:${name}`, ['system:nodes']),
  );
  if (answer.status === created) return fail(`node ${name} may make another Node`);
  const message = messageOf(answer.body);
  // The Node authorizer alone would let it through: the words are the plugin's.
  if (!message.includes('is not allowed to modify node')) throw new Error(`refused for another reason: ${message}`);
  return pass(`node ${name} may not make another Node`);
}

async function alwaysPullImages({ dryRun }: CisFacts): Promise<Judgement> {
  const answer = await dryRun('/api/v1/namespaces/default/pods', pod({}));
  if (answer.status !== created) throw new Error(`the trial pod was refused: ${messageOf(answer.body)}`);
  const { spec } = JSON.parse(answer.body) as { spec: { containers: { imagePullPolicy: string }[] } };
  return spec.containers[0]?.imagePullPolicy === 'Always'
    ? pass('a pod that says IfNotPresent gets Always')
    : manual('off, as upstream’s default; --enable-admission AlwaysPullImages where tenants do not trust each other');
}

async function externalIps({ dryRun }: CisFacts): Promise<Judgement> {
  const answer = await dryRun('/api/v1/namespaces/default/services', {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'timonel-doctor' },
    spec: { ports: [{ port: 80 }], externalIPs: ['203.0.113.1'] },
  });
  return answer.status === created
    ? manual(
        'a service may claim an external address, as upstream’s default; --enable-admission DenyServiceExternalIPs',
      )
    : pass(`a service that claims an external address is refused: ${messageOf(answer.body)}`);
}

function eventRateLimit({ config }: CisFacts): Judgement {
  return config.enableAdmission?.includes('EventRateLimit')
    ? pass('on, with the limits of --admission-config')
    : manual('off, as upstream’s default; --enable-admission EventRateLimit with limits in --admission-config');
}

/** 1.2.3 and 1.2.9 to 1.2.14. */
export const admissionChecks: readonly CisCheck[] = [
  { id: '1.2.3', title: 'external addresses of services', judge: externalIps },
  { id: '1.2.9', title: 'limits on the rate of events', judge: eventRateLimit },
  {
    id: '1.2.10',
    title: 'no plugin that admits everything',
    judge: ({ config }) =>
      judged(
        !config.enableAdmission?.includes('AlwaysAdmit'),
        'AlwaysAdmit is not enabled',
        'AlwaysAdmit is enabled: take it out of --enable-admission',
      ),
  },
  { id: '1.2.11', title: 'images are always pulled', judge: alwaysPullImages },
  { id: '1.2.12', title: 'pods have accounts that exist', judge: serviceAccount },
  { id: '1.2.13', title: 'namespaces have a life', judge: namespaceLifecycle },
  { id: '1.2.14', title: 'nodes keep to themselves', judge: nodeRestriction },
];
