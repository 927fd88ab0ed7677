/** Sending JSON to a server that is trusted by its certificate and asking for JSON back: how webhooks are called. */
import { Agent as HttpAgent, request as httpRequest, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { Clock } from './clock.ts';
import { trustEachAuthority } from './tls-trust.ts';

export interface JsonPostTarget {
  /** `https://host:port/path`. */
  readonly url: string;
  /** PEM bundle that the server's certificate must lead to; the system's authorities without. */
  readonly ca?: string;
  /** PEM of the client's certificate and key. */
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
  /** The name that the server's certificate must carry, when it is not the URL's host. */
  readonly serverName?: string;
  /** Where to connect instead of the URL's host and port. */
  readonly connectTo?: { readonly host: string; readonly port: number };
}

export interface JsonPostOptions {
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Longer answers are refused; 16 MiB by default. */
  readonly maxBytes?: number;
}

export interface JsonAnswer {
  readonly status: number;
  /** undefined when the body is not JSON. */
  readonly body: unknown;
  readonly text: string;
}

/** A call that brought no answer: refused connection, wrong certificate, time-out. */
export class JsonPostError extends Error {
  override readonly name = 'JsonPostError';
  readonly code: string;

  constructor(message: string, code: string) {
    super(message);
    this.code = code;
  }
}

const agents = { http: new HttpAgent({ keepAlive: true }), https: new HttpsAgent({ keepAlive: true }) };
const defaultMaxBytes = 16 * 1024 * 1024;

/** POSTs a value as JSON. Redirects are answers like any other: they are never followed. Throws JsonPostError. */
export const postJson = (target: JsonPostTarget, value: unknown, options: JsonPostOptions): Promise<JsonAnswer> =>
  send('Post', target, { value, options });

/** GETs JSON, under the same rules. */
export const getJson = (target: JsonPostTarget, options: JsonPostOptions): Promise<JsonAnswer> =>
  send('Get', target, { value: undefined, options });

function send(
  method: 'Get' | 'Post',
  target: JsonPostTarget,
  { value, options }: { value: unknown; options: JsonPostOptions },
): Promise<JsonAnswer> {
  return new Promise((resolve, reject) => {
    const url = new URL(target.url);
    const secure = url.protocol === 'https:';
    const payload = value === undefined ? undefined : Buffer.from(JSON.stringify(value));
    const fail = (message: string, code: string) => {
      timer.cancel();
      reject(new JsonPostError(`${method} ${JSON.stringify(target.url)}: ${message}`, code));
    };
    const request = (secure ? httpsRequest : httpRequest)(
      {
        method: method.toUpperCase(),
        host: target.connectTo?.host ?? url.hostname.replace(/^\[|\]$/g, ''),
        port: target.connectTo?.port ?? (url.port || (secure ? 443 : 80)),
        path: url.pathname + url.search,
        agent: secure ? agents.https : agents.http,
        headers: {
          host: url.host,
          accept: 'application/json',
          ...(payload ? { 'content-type': 'application/json', 'content-length': payload.length } : {}),
          'user-agent': 'timonel-apiserver',
          ...(target.token ? { authorization: `Bearer ${target.token}` } : {}),
        },
        ...(secure ? tlsOptions(target, url.hostname) : {}),
      } as RequestOptions,
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > (options.maxBytes ?? defaultMaxBytes)) {
            request.destroy();
            fail('the answer is too long', 'TOO_LONG');
          } else chunks.push(chunk);
        });
        response.on('end', () => {
          timer.cancel();
          const text = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode ?? 0, body: parsed(text), text });
        });
        response.on('error', (error) => fail(error.message, 'READ'));
      },
    );
    const timer = options.clock.after(options.timeoutMs, () => {
      fail('context deadline exceeded', 'TIMEOUT');
      request.destroy();
    });
    request.on('error', (error: Error & { code?: string }) =>
      fail(error.message || String(error.code), error.code ?? 'REQUEST'),
    );
    request.end(payload);
  });
}

function tlsOptions(target: JsonPostTarget, host: string): Record<string, unknown> {
  const name = target.serverName ?? host.replace(/^\[|\]$/g, '');
  return {
    // An address is not sent as a server name; the certificate is still checked against it.
    ...(isIP(name) ? {} : { servername: name }),
    minVersion: 'TLSv1.2',
    ...(target.ca ? { ca: target.ca } : {}),
    ...trustEachAuthority,
    ...(target.cert && target.key ? { cert: target.cert, key: target.key } : {}),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
