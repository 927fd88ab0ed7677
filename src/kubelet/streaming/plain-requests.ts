/** The node's server's answers to requests that are no sessions: pods, health, configuration, logs, stats, metrics. */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../../base/clock.ts';
import { type NodeBackend, NodeRequestError } from './node-backend.ts';
import { logQuery, pathParts, refOf } from './queries.ts';
import { answerSystemLog } from './system-logs.ts';

interface Request {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The path behind its first part. */
  readonly rest: readonly string[];
  readonly query: URLSearchParams;
}

export interface PlainEnv {
  readonly backend: NodeBackend;
  readonly clock: Clock;
  /** Aborted when the server closes: who follows a log is let go. */
  readonly ending: AbortSignal;
}

type Answer = (env: PlainEnv, request: Request) => Promise<void> | void;

const notFound = () => new NodeRequestError(404, '404 page not found');

const healthChecks = ['ping', 'log', 'syncloop'] as const;

const healthz: Answer = (_, { response, rest, query }) => {
  const [check] = rest.filter(Boolean);
  if (check && !healthChecks.some((name) => name === check)) throw notFound();
  const lines = healthChecks.map((name) => `[+]${name} ok\n`).join('');
  sendText(response, 200, query.has('verbose') && !check ? `${lines}healthz check passed\n` : 'ok');
};

const podList = (pods: readonly object[]) => ({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items: pods });

const metricSets = ['agent', 'resource', 'cadvisor', 'probes'] as const;

const metrics: Answer = async ({ backend }, { response, rest }) => {
  const which = metricSets.find((name) => name === (rest[0] || 'agent'));
  if (!which || rest.length > 1 || rest[0] === 'agent') throw notFound();
  const text = await backend.metrics(which);
  response.setHeader('Content-Type', 'text/plain; version=0.0.4; charset=utf-8');
  response.end(text);
};

const stats: Answer = async ({ backend }, { response, rest }) => {
  if (rest[0] !== 'summary' || rest.length > 1) throw notFound();
  sendJson(response, await backend.summary());
};

const logs: Answer = async ({ backend, clock, ending }, { request, response, rest, query: text }) => {
  const query = logQuery(text, clock.now());
  const ended = new AbortController();
  const end = () => ended.abort();
  response.on('close', end);
  ending.addEventListener('abort', end, { once: true });
  try {
    const pieces = await backend.log(refOf(rest), query, ended.signal);
    response.setHeader('Content-Type', 'text/plain');
    if (query.follow) response.flushHeaders();
    (request.socket as Partial<TLSSocket>).setNoDelay?.(true);
    for await (const piece of pieces) {
      if (ended.signal.aborted) return;
      if (!response.write(piece)) await once(response, 'drain', { signal: ended.signal }).catch(() => {});
    }
    response.end();
  } finally {
    ending.removeEventListener('abort', end);
  }
};

const systemLogs: Answer = async ({ backend }, { response, rest }) => {
  if (!backend.systemLogDir) throw new NodeRequestError(405, 'logs endpoint is disabled.');
  await answerSystemLog(backend.systemLogDir, rest.filter(Boolean), response);
};

const session: Answer = () => {
  throw new NodeRequestError(400, 'you must specify at least 1 of stdin, stdout, stderr, and ask for an upgrade');
};

interface Route {
  readonly method?: 'GET' | 'POST';
  /** Whether more may follow the first part of the path. */
  readonly open?: true;
  readonly answer: Answer;
}

/** By the first part of the path, as upstream's server has them. */
const routes: Readonly<Record<string, Route>> = {
  healthz: { open: true, answer: healthz },
  pods: { method: 'GET', answer: ({ backend }, { response }) => sendJson(response, podList(backend.pods())) },
  runningpods: {
    method: 'GET',
    answer: async ({ backend }, { response }) => sendJson(response, podList(await backend.runningPods())),
  },
  configz: {
    method: 'GET',
    answer: ({ backend }, { response }) => sendJson(response, { kubeletconfig: backend.configuration() }),
  },
  stats: { method: 'GET', open: true, answer: stats },
  metrics: { open: true, answer: metrics },
  logs: { method: 'GET', open: true, answer: systemLogs },
  containerLogs: { method: 'GET', open: true, answer: logs },
  run: {
    method: 'POST',
    open: true,
    answer: async ({ backend }, { response, rest, query }) => {
      const command = query.getAll('cmd').flatMap((text) => text.split(' '));
      response.end(await backend.run(refOf(rest), command));
    },
  },
  checkpoint: {
    method: 'POST',
    open: true,
    answer: async ({ backend }, { response, rest }) =>
      sendJson(response, { items: [await backend.checkpoint(refOf(rest))] }),
  },
  exec: { open: true, answer: session },
  attach: { open: true, answer: session },
  portForward: { open: true, answer: session },
};

/** Answers a request. Rejects with {@link NodeRequestError} for what is not to be had. */
export async function answerPlain(env: PlainEnv, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://node');
  const [head = '', ...rest] = pathParts(url.pathname);
  const route = Object.hasOwn(routes, head) ? routes[head]! : undefined;
  if (!route || (!route.open && rest.some(Boolean))) throw notFound();
  if (route.method && request.method !== route.method) {
    response.setHeader('Allow', route.method);
    throw new NodeRequestError(405, 'Method Not Allowed');
  }
  await route.answer(env, { request, response, rest, query: url.searchParams });
}

/** Sends a text; a response that has begun is only ended. */
export function sendText(response: ServerResponse, status: number, text: string): void {
  if (response.headersSent) {
    response.end();
    return;
  }
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' });
  response.end(text);
}

function sendJson(response: ServerResponse, body: unknown): void {
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify(body));
}
