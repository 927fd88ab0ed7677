/** An API server of its own for custom and external metrics, as adapters are, registered with the aggregation layer. */
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { APIService } from '../../src/api/apiregistration/api-service.ts';
import { Namespace } from '../../src/api/core/namespace.ts';
import { Service } from '../../src/api/core/service.ts';
import { createAuthority, issueCertificate } from '../../src/base/pki.ts';
import type { Client } from '../../src/client/client.ts';

export interface MetricsServer extends AsyncDisposable {
  /** What is measured, by the path below the group's version, without the query; an answer of several series is a list. */
  readonly figures: Map<
    string,
    readonly { readonly object?: object; readonly labels?: object; readonly value: string }[]
  >;
  /** Paths and queries that were asked for, discovery aside. */
  readonly asked: Set<string>;
}

const groups = { 'custom.metrics.k8s.io': 'v1beta2', 'external.metrics.k8s.io': 'v1beta1' } as const;
type Group = keyof typeof groups;

const itemOf = (
  group: Group,
  name: string,
  { object, labels, value }: { object?: object; labels?: object; value: string },
) => {
  const timestamp = new Date(Date.now()).toISOString();
  return group === 'custom.metrics.k8s.io'
    ? { describedObject: object, metric: { name }, timestamp, value }
    : { metricName: name, metricLabels: labels ?? {}, timestamp, value };
};

/** Starts it and registers both groups. */
export async function startMetricsServer(client: Client): Promise<MetricsServer> {
  const now = Date.now();
  const ca = createAuthority('metrics-ca', now);
  const { cert, key } = issueCertificate(ca, {
    subject: { commonName: 'metrics' },
    usages: ['serverAuth'],
    dnsNames: ['adapter.metrics.svc'],
    notBefore: now - 60_000,
    notAfter: now + 3_600_000,
  });
  const figures: MetricsServer['figures'] = new Map();
  const asked = new Set<string>();
  const server = createServer({ cert, key }, (request, response) => {
    const answer = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    const url = new URL(request.url!, 'https://adapter');
    const [, , group, version, ...rest] = url.pathname.split('/').map(decodeURIComponent) as [
      string,
      string,
      Group,
      string,
    ];
    if (groups[group] !== version) return answer(404, {});
    const groupVersion = `${group}/${version}`;
    if (rest.length === 0)
      return answer(200, { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: [] });
    const path = rest.join('/');
    asked.add(`${path}${decodeURIComponent(url.search)}`);
    const series = figures.get(path);
    if (!series)
      return answer(404, {
        kind: 'Status',
        apiVersion: 'v1',
        status: 'Failure',
        reason: 'NotFound',
        message: `the server could not find the metric ${rest.at(-1)}`,
        code: 404,
      });
    const kind = group === 'custom.metrics.k8s.io' ? 'MetricValueList' : 'ExternalMetricValueList';
    const items = series.map((one) => itemOf(group, rest.at(-1)!, one));
    return answer(200, { kind, apiVersion: groupVersion, metadata: {}, items });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await client.create(Namespace, { metadata: { name: 'metrics' } });
  await client.create(Service, {
    metadata: { name: 'adapter', namespace: 'metrics' },
    spec: { type: 'ExternalName', externalName: '127.0.0.1' },
  });
  for (const [group, version] of Object.entries(groups))
    await client.create(APIService, {
      metadata: { name: `${version}.${group}` },
      spec: {
        group,
        version,
        groupPriorityMinimum: 100,
        versionPriority: 100,
        caBundle: Buffer.from(ca.cert).toString('base64'),
        service: { namespace: 'metrics', name: 'adapter', port },
      },
    });
  return {
    figures,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
