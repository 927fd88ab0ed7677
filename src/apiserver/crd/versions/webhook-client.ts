/** Calls conversion webhooks: a URL, or a service of the cluster by its cluster IP. */

import { request } from 'node:https';
import { isIP } from 'node:net';
import type { Service } from '../../../api/core/service.ts';
import type { Shared } from '../../../api/kind.ts';
import type { WebhookClientConfig } from '../../../api/types/apiextensions-v1.ts';
import type { DeepReadonly } from '../../../base/deep.ts';
import { parseExactJson } from '../../../base/exact-json.ts';
import { trustEachAuthority } from '../../../base/tls-trust.ts';
import type { ApiContext } from '../../context.ts';
import { keyFor } from '../../registry/resource.ts';

const timeoutMs = 30_000;
const maxAnswerBytes = 32 * 1024 * 1024;

/** Where a client configuration leads. Throws for a service that has no address. */
export function webhookTarget(
  api: ApiContext,
  config: DeepReadonly<WebhookClientConfig>,
): { host: string; port: number; path: string; serverName: string } {
  if (config.url) {
    const url = new URL(config.url);
    const host = url.hostname.replace(/^\[|\]$/g, '');
    return {
      host,
      port: Number(url.port || 443),
      path: url.pathname + url.search,
      serverName: host,
    };
  }
  const { namespace = '', name = '', path = '/', port = 443 } = config.service ?? {};
  const stored = api.registry.storage('', 'services')!;
  const service = stored.cache.get(keyFor(stored, namespace, name))?.object as unknown as Shared<Service> | undefined;
  if (!service?.spec.clusterIP || service.spec.clusterIP === 'None')
    throw new Error(
      `service ${JSON.stringify(name)} in namespace ${JSON.stringify(namespace)} was not found or has no cluster IP`,
    );
  return { host: service.spec.clusterIP, port, path, serverName: `${name}.${namespace}.svc` };
}

/** Posts a review and gives its answer back. */
export function callWebhook(
  api: ApiContext,
  config: DeepReadonly<WebhookClientConfig>,
  review: unknown,
): Promise<unknown> {
  const { host, port, path, serverName } = webhookTarget(api, config);
  const body = Buffer.from(JSON.stringify(review));
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host,
        port,
        path,
        method: 'POST',
        agent: false,
        timeout: timeoutMs,
        headers: { 'content-type': 'application/json', 'content-length': body.length },
        servername: isIP(serverName) ? '' : serverName,
        ...(config.caBundle ? { ca: Buffer.from(config.caBundle, 'base64') } : {}),
        ...trustEachAuthority,
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        let size = 0;
        incoming.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > maxAnswerBytes) outgoing.destroy(new Error('the answer is too large'));
          chunks.push(chunk);
        });
        incoming.on('end', () => {
          // What it said is not passed on: callers must not read through it what they could not reach themselves.
          if (incoming.statusCode !== 200) return reject(new Error(`the webhook answered ${incoming.statusCode}`));
          try {
            resolve(parseExactJson(Buffer.concat(chunks).toString('utf8')));
          } catch {
            reject(new Error('the webhook answered with something that is not JSON'));
          }
        });
        incoming.on('error', reject);
      },
    );
    outgoing.on('timeout', () =>
      outgoing.destroy(new Error(`the webhook did not answer within ${timeoutMs / 1000} s`)),
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
