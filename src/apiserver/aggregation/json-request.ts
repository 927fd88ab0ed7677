/** A request to another API server or a kubelet, answered with JSON. */
import { request } from 'node:https';
import { parseExactJson } from '../../base/exact-json.ts';
import { connectionOptions, type RelayTarget } from '../streaming/relay.ts';

export interface JsonRequest {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly timeoutMs: number;
}

/** Rejects when there is no answer, or one that is not JSON. */
export function requestJson(
  target: Pick<RelayTarget, 'origin' | 'tls'>,
  { path, method = 'GET', headers = {}, body, contentType = 'application/json', timeoutMs }: JsonRequest,
): Promise<{ status: number; json: unknown }> {
  const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        ...connectionOptions(target),
        path,
        method,
        timeout: timeoutMs,
        headers: {
          accept: 'application/json',
          ...Object.fromEntries(
            Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
          ),
          ...(bytes ? { 'content-type': contentType, 'content-length': bytes.length } : {}),
        },
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () => {
          try {
            resolve({ status: incoming.statusCode ?? 0, json: parseExactJson(Buffer.concat(chunks).toString('utf8')) });
          } catch {
            reject(new Error(`the answer (status ${incoming.statusCode}) is not JSON`));
          }
        });
        incoming.on('error', reject);
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
    outgoing.on('error', reject);
    outgoing.end(bytes);
  });
}
