/** Requests and handshakes as strangers would try them. */
import { type RequestOptions, request } from 'node:https';
import { connect, type SecureVersion } from 'node:tls';
import { trustEachAuthority } from '../../../base/tls-trust.ts';

/** How long a port may take to answer. */
const patienceMs = 10_000;

export interface Caller {
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** One request with whatever credentials, to whoever answers: the server's certificate is looked at elsewhere. */
export function ask(url: string, caller: Caller = {}, post?: unknown): Promise<Answer> {
  const { cert, key, token, headers } = caller;
  const payload = post === undefined ? undefined : JSON.stringify(post);
  const options: RequestOptions = {
    method: payload === undefined ? 'GET' : 'POST',
    rejectUnauthorized: false,
    agent: false,
    timeout: patienceMs,
    headers: {
      ...headers,
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(cert && key ? { cert, key } : {}),
  };
  return new Promise((resolve, reject) => {
    const sent = request(url, options, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    });
    sent.on('timeout', () => sent.destroy(new Error(`${url} does not answer`)));
    sent.on('error', reject);
    sent.end(payload);
  });
}

export interface Handshake {
  readonly protocol: string;
  readonly cipher: string;
  /** The certificate was issued by the authority given. */
  readonly trusted: boolean;
}

/** What a port agrees to; undefined when it refuses the handshake. Throws when nobody listens. */
export function shakeHands(
  { host, port }: { host: string; port: number },
  offer: { minVersion?: SecureVersion; maxVersion?: SecureVersion; ciphers?: string; ca?: string },
): Promise<Handshake | undefined> {
  return new Promise((resolve, reject) => {
    const options = { host, port, rejectUnauthorized: false, timeout: patienceMs, ...trustEachAuthority, ...offer };
    const socket = connect(options, () => {
      const facts = {
        protocol: socket.getProtocol() ?? '',
        cipher: socket.getCipher().name,
        trusted: socket.authorized,
      };
      socket.destroy();
      resolve(facts);
    });
    socket.on('timeout', () => socket.destroy(new Error(`port ${port} of ${host} does not answer`)));
    socket.on('error', (error: NodeJS.ErrnoException) =>
      error.code?.startsWith('ERR_SSL') || error.code === 'ECONNRESET' ? resolve(undefined) : reject(error),
    );
  });
}

/** What a port's TLS lets through. */
export interface TlsFacts {
  /** Agreed on with a client that knows nothing newer than TLS 1.1. */
  readonly old: Handshake | undefined;
  /** Agreed on with a client that knows only ciphers without forward secrecy or authenticated encryption. */
  readonly weak: Handshake | undefined;
  readonly best: Handshake | undefined;
}

/** Tries a port's TLS three times. The client has to lower its own guard to offer what is weak. */
export async function probeTls(target: { host: string; port: number }, ca: string): Promise<TlsFacts> {
  const [old, weak, best] = await Promise.all([
    shakeHands(target, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }),
    shakeHands(target, { maxVersion: 'TLSv1.2', ciphers: 'ALL:!AESGCM:!CHACHA20:!AESCCM:!ARIAGCM:@SECLEVEL=0' }),
    shakeHands(target, { ca }),
  ]);
  return { old, weak, best };
}
