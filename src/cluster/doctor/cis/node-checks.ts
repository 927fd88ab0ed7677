/** 4.2 and 4.3: the node agent's port and settings. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { realClock } from '../../../base/clock.ts';
import { certificateFacts, isDueForRenewal } from '../../../base/pki.ts';
import { paths } from '../../config.ts';
import { kubeletSettings } from '../../kubelet-settings.ts';
import { daysUntil } from '../finding.ts';
import { judgeCiphers } from './api-server-checks.ts';
import { absent, type CisCheck, fail, type Judgement, judged, manual, notApplicable, pass } from './check.ts';
import type { CisFacts } from './facts.ts';
import { ask, type Caller } from './probes.ts';

const noPort = notApplicable('no node has a port');
const triedPaths = ['/pods', '/metrics', '/logs/'];

/** Asks every node's port as a caller; the statuses must all be the one that refuses. */
async function refusal(
  facts: CisFacts,
  caller: Caller,
  { who, status }: { who: string; status: number },
): Promise<Judgement> {
  if (facts.nodePorts.length === 0) return noPort;
  const wrong: string[] = [];
  for (const { node, url } of facts.nodePorts)
    for (const path of triedPaths) {
      const answer = await ask(`${url}${path}`, caller);
      if (answer.status !== status) wrong.push(`${path} of ${node} answers ${who} with ${answer.status}`);
    }
  return wrong[0]
    ? fail(wrong[0])
    : pass(`${facts.nodePorts.length} node ports answer ${who} with ${status} at ${triedPaths.join(', ')}`);
}

/** Upstream's port without TLS and credentials. */
const readOnlyPort = 10255;

function noReadOnlyPort({ sockets, config }: CisFacts): Judgement {
  const own = config.runtime === 'cri' ? sockets.agent : sockets.server;
  if (!own) throw new Error('the sockets of the node cannot be seen');
  return judged(
    !own.some((socket) => socket.port === readOnlyPort),
    `nothing listens on ${readOnlyPort}`,
    `something listens on ${readOnlyPort}`,
  );
}

const simulated = notApplicable('nodes are simulated');
const real =
  (judge: (facts: CisFacts) => Judgement) =>
  (facts: CisFacts): Judgement =>
    facts.config.runtime === 'cri' ? judge(facts) : simulated;

function idleStreams({ config }: CisFacts): Judgement {
  if (config.criEndpoint) return manual(`see stream_idle_timeout of the runtime at ${config.criEndpoint}`);
  const file = join(paths(config.dataDir).agent, 'containerd/config.toml');
  const set = /^\s*stream_idle_timeout\s*=\s*"([^"]*)"/m.exec(readFileSync(file, 'utf8'))?.[1];
  return judged(
    !/^0/.test(set ?? ''),
    `containerd ends idle streams after ${set ?? '4h, its default'}`,
    `stream_idle_timeout is ${set} in ${file}`,
  );
}

/** Where the agent renews as it should, no certificate comes near its end. */
const renewal = (name: string) =>
  real(({ config }) => {
    const cert = readFileSync(join(paths(config.dataDir).agent, 'pki', `${name}.crt`), 'utf8');
    const { notBefore, notAfter } = certificateFacts(cert);
    const now = realClock.now();
    const left = `${daysUntil(notAfter, now)} days are left`;
    return judged(
      !isDueForRenewal(cert, Math.max(notBefore, now - renewalGraceMs)),
      `the agent renews it while it runs; ${left}`,
      `it should have been renewed: ${left}; look at "timonel logs"`,
    );
  });
/** The agent looks every hour. */
const renewalGraceMs = 2 * 60 * 60 * 1000;

function nodeCiphers({ nodePorts }: CisFacts): Judgement {
  const judgements = nodePorts.map(({ node, tls }) => judgeCiphers(`the port of ${node}`, tls));
  return judgements.find((judgement) => judgement.state === 'FAIL') ?? judgements[0] ?? noPort;
}

/** The service proxy has no metrics port: what the agent listens on is the node's port and DNS. */
function proxyMetrics({ sockets, nodePorts }: CisFacts): Judgement {
  if (!sockets.agent) throw new Error('the sockets of the agent cannot be seen');
  const known = new Set([53, ...nodePorts.map((port) => Number(new URL(port.url).port))]);
  const further = sockets.agent.filter((socket) => !socket.loopback && !known.has(socket.port));
  return judged(
    further.length === 0,
    'the agent listens on the node’s port and for DNS only',
    `the agent also listens on ${further.map((socket) => socket.port).join(', ')}`,
  );
}

const processLimit = ({ config }: CisFacts): Judgement => {
  const { podPidsLimit = -1 } = kubeletSettings(config);
  return podPidsLimit > 0
    ? pass(`${podPidsLimit} a pod`)
    : manual('no limit is set for pods: podPidsLimit of --kubelet-config');
};

const seccompDefault = ({ config }: CisFacts): Judgement =>
  kubeletSettings(config).seccompDefault
    ? pass('containers without a profile get the runtime’s')
    : manual(
        'containers without a profile are not filtered, as upstream’s default: seccompDefault of --kubelet-config; see 5.6.2',
      );

/** 4.2 and 4.3. */
export const nodeChecks: readonly CisCheck[] = [
  {
    id: '4.2.1',
    title: 'nodes refuse callers without credentials',
    judge: (facts) => refusal(facts, {}, { who: 'a caller without credentials', status: 401 }),
  },
  {
    id: '4.2.2',
    title: 'nodes ask the API server who may do what',
    judge: (facts) => refusal(facts, facts.callers.nobody, { who: 'a known user without roles', status: 403 }),
  },
  {
    id: '4.2.3',
    title: 'nodes trust the cluster’s authority only',
    judge: (facts) =>
      refusal(facts, facts.callers.impostor, { who: 'an administrator of another authority', status: 401 }),
  },
  { id: '4.2.4', title: 'no port without credentials', judge: noReadOnlyPort },
  { id: '4.2.5', title: 'idle streams end', judge: real(idleStreams) },
  {
    id: '4.2.6',
    title: 'the node keeps its firewall rules',
    judge: real(() => pass('services and policies are tables of nftables that the agent restores')),
  },
  { id: '4.2.7', title: 'nodes have the machine’s name', judge: real(({ config }) => pass(`node ${config.nodeName}`)) },
  {
    id: '4.2.8',
    title: 'rate of the node’s events',
    judge: real(() => manual('like events are counted, not repeated; no limit is set')),
  },
  {
    id: '4.2.9',
    title: 'nodes are served over TLS',
    judge({ nodePorts }) {
      const bad = nodePorts.find((port) => !port.tls.best?.trusted);
      if (bad) return fail(`the certificate of node ${bad.node} is not of the cluster’s authority`);
      return nodePorts.length ? pass(`${nodePorts.length} certificates of the cluster’s authority`) : noPort;
    },
  },
  { id: '4.2.10', title: 'node client certificates are renewed', judge: renewal('kubelet-client') },
  { id: '4.2.11', title: 'node serving certificates are renewed', judge: renewal('kubelet') },
  { id: '4.2.12', title: 'strong TLS only at nodes', judge: nodeCiphers },
  { id: '4.2.13', title: 'number of a pod’s processes', judge: real(processLimit) },
  {
    id: '4.2.14',
    title: 'system call filter by default',
    judge: real(seccompDefault),
  },
  ...absent('a setting of service units, which the agent has none of', [
    ['4.2.15', 'addresses that may reach the agent'],
  ]),
  {
    id: '4.3.1',
    title: 'no metrics port of the service proxy',
    judge: (f) => (f.config.runtime === 'cri' ? proxyMetrics(f) : simulated),
  },
];
