/** Passes an HTTP request on to another server: the answer as a stream, or the whole connection where it is upgraded. */
import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { badRequest, internalError, StatusError, serviceUnavailable } from '../../api/machinery/status.ts';
import { trustEachAuthority } from '../../base/tls-trust.ts';
import { withoutBearerProtocol } from '../authn/bearer-token.ts';
import type { Exchange } from '../filters/exchange.ts';
import { isUpgrade, takeUpgrade } from './upgrade-response.ts';

export interface RelayTarget {
  /** `https://10.0.0.1:10250` */
  readonly origin: string;
  /** Path and query. */
  readonly path: string;
  readonly method?: string;
  readonly tls?: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly insecure?: boolean;
    readonly serverName?: string;
  };
  /** Set on top of the client's; undefined takes one away. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Changes a Location header, so that clients come back through the proxy. */
  rewriteLocation?(location: string): string;
  /** A redirect would send the client, with its credentials for this server, wherever the target likes. */
  readonly refuseRedirects?: boolean;
  /** Answers that are errors become a Status with their text as its message; redirects are errors. */
  readonly errorsAsStatus?: boolean;
  /** The body, where it has been read already. */
  readonly body?: Uint8Array;
}

const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'host',
]);
/** Credentials for this server are not for the next one. */
const credentials = /^(authorization|impersonate-.*|x-remote-(user|uid|group|extra-.*))$/;

function forwardedHeaders(exchange: Exchange, target: RelayTarget, upgrade: boolean): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(exchange.req.headers)) {
    if (value === undefined || name.startsWith(':') || credentials.test(name)) continue;
    if (hopByHop.has(name) && !(upgrade && (name === 'upgrade' || name === 'connection'))) continue;
    const passed = name === 'sec-websocket-protocol' ? withoutBearerProtocol(String(value)) : value;
    if (passed !== undefined) headers[name] = passed;
  }
  const { remoteAddress } = exchange.req.socket;
  if (remoteAddress) {
    const before = headers['x-forwarded-for'];
    headers['x-forwarded-for'] = before ? `${String(before)}, ${remoteAddress}` : remoteAddress;
  }
  for (const [name, value] of Object.entries(target.headers ?? {})) {
    if (value === undefined) delete headers[name.toLowerCase()];
    else headers[name.toLowerCase()] = typeof value === 'string' ? value : [...value];
  }
  if (target.body) headers['content-length'] = target.body.length;
  return headers;
}

/** How a target is connected to, for `request` of node:http and node:https. */
export function connectionOptions({ origin, tls }: Pick<RelayTarget, 'origin' | 'tls'>) {
  const { protocol, hostname, port } = new URL(origin);
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port || (protocol === 'https:' ? 443 : 80),
    agent: false,
    ...(tls?.ca ? { ca: tls.ca } : {}),
    ...trustEachAuthority,
    ...(tls?.cert ? { cert: tls.cert } : {}),
    ...(tls?.key ? { key: tls.key } : {}),
    ...(tls?.serverName ? { servername: tls.serverName } : {}),
    ...(tls?.insecure ? { rejectUnauthorized: false } : {}),
  } as const;
}

/** Resolves when the answer has been passed on, or the connections joined. Throws 503 when the target cannot be reached. */
export function relay(exchange: Exchange, target: RelayTarget): Promise<void> {
  const upgrade = isUpgrade(exchange.res);
  const send = target.origin.startsWith('https:') ? httpsRequest : httpRequest;
  exchange.becomeStream();
  if (exchange.res.destroyed) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const outgoing = send({
      ...connectionOptions(target),
      method: target.method ?? exchange.req.method ?? 'GET',
      path: target.path,
      headers: forwardedHeaders(exchange, target, upgrade),
    });
    const { res } = exchange;
    res.once('close', () => {
      outgoing.destroy();
      resolve();
    });
    outgoing.on('error', (error) => {
      if (exchange.answered) res.destroy();
      else reject(serviceUnavailable(`error trying to reach service: ${error.message}`));
    });
    outgoing.on('response', (incoming) => {
      const code = incoming.statusCode ?? 500;
      const isRedirect = code >= 300 && code < 400 && incoming.headers.location !== undefined;
      if (isRedirect && (target.refuseRedirects || target.errorsAsStatus)) {
        incoming.destroy();
        const why = 'the backend attempted to redirect this request, which is not permitted';
        reject(new StatusError('Unknown', why, undefined, 502));
        return;
      }
      if (target.errorsAsStatus && (code < 200 || code > 206)) {
        statusOf(incoming).then(reject, reject);
        return;
      }
      passOn(exchange, incoming, target);
      incoming.on('end', resolve);
    });
    outgoing.on('upgrade', (incoming, socket, head) => {
      join(exchange, incoming, { socket, head });
      socket.once('close', () => resolve());
    });
    if (target.body) outgoing.end(target.body);
    else if (upgrade || !hasBody(exchange)) outgoing.end();
    else {
      // Without a length, a method that usually has no body would be sent one without any framing.
      if (!outgoing.hasHeader('content-length')) outgoing.setHeader('transfer-encoding', 'chunked');
      exchange.req.pipe(outgoing);
    }
  });
}

/** Whether a body follows the headers, whatever the method. */
function hasBody({ req }: Exchange): boolean {
  if ('stream' in req) return !req.stream.endAfterHeaders;
  return req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;
}

const maxErrorBytes = 50 * 1024;

async function statusOf(incoming: IncomingMessage): Promise<StatusError> {
  let text = '';
  for await (const chunk of incoming) {
    text += String(chunk);
    if (text.length > maxErrorBytes) break;
  }
  const code = incoming.statusCode ?? 500;
  if (code === 400) return badRequest(text);
  if (code === 500) return internalError(text);
  if (code === 404) return new StatusError('NotFound', text || 'the server could not find the requested resource', {});
  return new StatusError('Unknown', text || `the kubelet answered ${code}`, undefined, code);
}

function passOn(exchange: Exchange, incoming: IncomingMessage, target: RelayTarget): void {
  const { res } = exchange;
  exchange.answered = true;
  exchange.responseCode = incoming.statusCode ?? 502;
  res.statusCode = exchange.responseCode;
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value === undefined || hopByHop.has(name)) continue;
    if (name === 'location' && target.rewriteLocation) res.setHeader(name, target.rewriteLocation(String(value)));
    else res.setHeader(name, value);
  }
  // Logs that are followed must not wait for a buffer to fill.
  res.flushHeaders();
  incoming.pipe(res);
  incoming.on('error', () => res.destroy());
}

function join(
  exchange: Exchange,
  incoming: IncomingMessage,
  { socket, head }: { socket: import('node:net').Socket; head: Buffer },
): void {
  exchange.answered = true;
  exchange.responseCode = 101;
  const taken = takeUpgrade(exchange.res);
  if (!taken) {
    socket.destroy();
    return;
  }
  const client = taken.socket;
  const lines = [`HTTP/1.1 ${incoming.statusCode} ${incoming.statusMessage || 'Switching Protocols'}`];
  for (let i = 0; i < incoming.rawHeaders.length; i += 2)
    lines.push(`${incoming.rawHeaders[i]}: ${incoming.rawHeaders[i + 1]}`);
  client.write(`${lines.join('\r\n')}\r\n\r\n`);
  if (head.length) client.write(head);
  if (taken.head.length) socket.write(taken.head);
  socket.setNoDelay(true);
  client.pipe(socket);
  socket.pipe(client);
  const end = () => {
    client.destroy();
    socket.destroy();
    exchange.done();
  };
  client.on('close', end);
  client.on('error', end);
  socket.on('close', end);
  socket.on('error', end);
}
