/** Everything that is not a resource: health, metrics, version, discovery, OpenAPI, the issuer's keys. */
import { sendBytes } from '../encoding/respond.ts';
import { resourceNotFound } from '../verbs/refusals.ts';
import type { Exchange, Filter } from './exchange.ts';
import { jsonAnswer, type PathAnswer, type PathHandler } from './path-answer.ts';

export interface KeyPublisher {
  jwks(): { keys: object[] };
  openidConfiguration(jwksUri: string): object;
}

/** The issuer's discovery documents (service-account tokens are OIDC tokens). */
export function createIssuerHandler(signer: KeyPublisher & { readonly issuer: string }): PathHandler {
  return ({ info }) => {
    if (info.path === '/openid/v1/jwks')
      return { ...jsonAnswer(signer.jwks()), contentType: 'application/jwk-set+json' };
    if (info.path === '/.well-known/openid-configuration')
      return jsonAnswer(signer.openidConfiguration(`${signer.issuer.replace(/\/$/, '')}/openid/v1/jwks`));
    return undefined;
  };
}

/** The first handler that knows a path answers it; the paths of all are listed at `/`. */
export async function answerPath(
  handlers: readonly PathHandler[],
  request: Parameters<PathHandler>[0],
): Promise<PathAnswer | undefined> {
  for (const handler of handlers) {
    const answered = handler(request);
    const answer = answered instanceof Promise ? await answered : answered;
    if (answer) return answer;
  }
  return undefined;
}

export function createPathsFilter(handlers: readonly PathHandler[]): Filter {
  return (exchange) => {
    if (exchange.info.resourceRequest) return;
    return serve(handlers, exchange);
  };
}

async function serve(handlers: readonly PathHandler[], exchange: Exchange): Promise<void> {
  const answer = await answerPath(handlers, {
    info: exchange.info,
    user: exchange.user,
    header: (name) => exchange.header(name),
  });
  if (!answer) throw resourceNotFound();
  for (const [name, value] of Object.entries(answer.headers ?? {})) {
    if (name === 'Cache-Control') exchange.cacheControl = value;
    else exchange.res.setHeader(name, value);
  }
  const bytes = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body;
  if (answer.status === 304) {
    exchange.answered = true;
    exchange.res.statusCode = 304;
    exchange.res.end();
    return;
  }
  await sendBytes(exchange, answer.status, bytes, answer.contentType);
}
