/** The last filter: finds the resource and runs the verb. */
import { parseFieldSelector } from '../../api/machinery/selectors.ts';
import { badRequest, StatusError } from '../../api/machinery/status.ts';
import { type PatchType, patchContentTypes } from '../../client/transport.ts';
import type { ApiContext } from '../context.ts';
import { negotiate } from '../encoding/negotiate.ts';
import { sendAnswer } from '../encoding/respond.ts';
import { WatchStream } from '../encoding/watch-stream.ts';
import { connectHandlers } from '../streaming/connect.ts';
import { mediaType } from '../verbs/body.ts';
import type { Answer, Call, CallBody, CallVerb } from '../verbs/call.ts';
import { parseCallOptions } from '../verbs/call-options.ts';
import { resourceNotFound } from '../verbs/refusals.ts';
import { runCall } from '../verbs/run.ts';
import { watch } from '../verbs/watch.ts';
import type { Exchange, HttpRequest } from './exchange.ts';

/** As upstream: what etcd would take, and a little. */
export const maxBodyBytes = 3 * 1024 * 1024;
const minWatchSeconds = 1800;
const bookmarkIntervalMs = 60_000;

const patchTypes = new Map(Object.entries(patchContentTypes).map(([type, mime]) => [mime, type as PatchType]));

export async function dispatch(api: ApiContext, exchange: Exchange): Promise<void> {
  const { info } = exchange;
  const resource = api.registry.resolve(info.group, info.version, info.plural);
  if (!resource || (info.namespace !== '' && !resource.kind.namespaced && resource.kind.plural !== 'namespaces'))
    throw resourceNotFound();
  if (info.subresource !== '') {
    // The old paths /watch/… and /proxy/… have none: what was allowed under their verbs is not what would be done.
    if (info.verb === 'watch' || info.verb === 'proxy') throw resourceNotFound();
    const connect = connectHandlers[`${info.group || 'core'}/${info.plural}/${info.subresource}`];
    if (connect) return connect(api, exchange, resource);
  }
  const call = makeCall(exchange, resource);
  if (call.verb === 'watch') return streamWatch(api, exchange, call);
  if (exchange.req.method !== 'GET') {
    const body = await readBytes(exchange.req);
    const contentType = exchange.header('content-type') ?? '';
    const sent: CallBody | undefined = body.length > 0 ? { bytes: body, contentType } : undefined;
    const patchType = call.verb === 'patch' ? patchTypes.get(mediaType(contentType)) : undefined;
    exchange.requestObject = sent;
    await answer(api, exchange, { ...call, body: sent, patchType });
    return;
  }
  const done = answer(api, exchange, call);
  if (done) await done;
}

function answer(api: ApiContext, exchange: Exchange, call: Call): void | Promise<void> {
  const outcome = runCall(api, call);
  const finish = (made: Answer) => {
    exchange.responseObject = made.entry?.object ?? made.object;
    return sendAnswer(exchange, made, shapeOf(api, exchange, call, made.kind));
  };
  return outcome instanceof Promise ? outcome.then(finish) : finish(outcome);
}

function shapeOf(api: ApiContext, exchange: Exchange, call: Call, kind: Call['resource']['kind'] | undefined) {
  return {
    kind: kind ?? call.resource.kind,
    custom: call.resource.custom !== undefined,
    now: api.clock.now(),
    includeObject: call.options.includeObject,
    pretty: call.options.pretty ?? wantsPretty(exchange),
  };
}

/** People at a terminal or browser get JSON that they can read, as upstream. */
function wantsPretty(exchange: Exchange): boolean {
  const agent = exchange.header('user-agent');
  return agent !== undefined && /^(curl|Wget|Mozilla\/5\.0)/.test(agent);
}

function makeCall(exchange: Exchange, resource: Call['resource']): Call {
  const { info } = exchange;
  const namespace = resource.kind.namespaced ? info.namespace : '';
  if (
    resource.kind.namespaced &&
    namespace === '' &&
    info.name !== '' &&
    info.verb !== 'list' &&
    info.verb !== 'watch' &&
    info.verb !== 'deletecollection'
  )
    throw resourceNotFound();
  return {
    verb: info.verb as CallVerb,
    resource,
    namespace,
    name: collectionVerbs.has(info.verb) ? '' : info.name,
    subresource: info.subresource,
    options: info.query === '' ? parseCallOptions('') : optionsOf(exchange),
    body: undefined,
    patchType: undefined,
    user: exchange.user,
    userAgent: exchange.header('user-agent') ?? '',
    signal: undefined,
    warnings: exchange.warnings,
    annotate: (key, value) => exchange.annotate(key, value),
  };
}

const collectionVerbs = new Set(['list', 'watch', 'deletecollection']);

/** The query's options; an object that is watched by its own URL is selected by name. */
function optionsOf(exchange: Exchange): Call['options'] {
  const { info } = exchange;
  const options = parseCallOptions(info.query);
  if (info.verb !== 'watch' || info.name === '') return options;
  if (options.fieldSelector) {
    // Only the name of the URL has been authorized.
    if (parseFieldSelector(options.fieldSelector).exactValue('metadata.name') !== info.name)
      throw badRequest("fieldSelector metadata.name doesn't match requested name");
    return options;
  }
  return { ...options, fieldSelector: `metadata.name=${info.name}` };
}

async function streamWatch(api: ApiContext, exchange: Exchange, call: Call): Promise<void> {
  const { kind, custom, stored, present } = call.resource;
  if (!stored || call.subresource !== '') throw resourceNotFound();
  if (call.resource.warning) call.warnings.push(call.resource.warning);
  const accept = exchange.header('accept')?.replaceAll(';stream=watch', '');
  const representation = negotiate(accept, { protobuf: custom === undefined, transforms: true });
  if (representation.format === 'yaml')
    throw new StatusError(
      'NotAcceptable',
      'only the following media types are accepted: application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch',
    );
  const seconds = call.options.timeoutSeconds ?? Math.floor(minWatchSeconds * (1 + api.random.next()));
  const stream = new WatchStream(
    exchange,
    { kind, representation, includeObject: call.options.includeObject, now: () => api.clock.now() },
    {
      shareable: present === undefined,
      onDropped: () =>
        api.log.warn('a watcher was too slow and was dropped', { resource: kind.plural, user: call.user.name }),
    },
  );
  const running = await watch(api, call, {
    sink: stream,
    settings: { timeoutMs: Math.max(0, seconds) * 1000, bookmarkIntervalMs },
    open: () => stream.open(),
  });
  exchange.onDone(() => running.stop());
  stream.whenRead(() => exchange.onInitialized?.());
  if (exchange.res.destroyed || exchange.res.closed) running.stop();
}

/** The body of a request; throws 413 for one that is too large. */
export function readBytes(req: HttpRequest, limit = maxBodyBytes): Promise<Buffer> {
  const declared = Number(req.headers['content-length'] ?? 0);
  if (declared > limit) return Promise.reject(tooLarge(limit));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    req.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) {
        req.removeAllListeners('data');
        req.resume();
        reject(tooLarge(limit));
        return;
      }
      chunks.push(chunk);
    });
    req.on('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size)));
    req.on('error', () => reject(badRequest('the request was cut off')));
    req.on('aborted', () => reject(badRequest('the request was cut off')));
  });
}

const tooLarge = (limit: number) =>
  new StatusError('RequestEntityTooLarge', `Request entity too large: limit is ${limit}`);
