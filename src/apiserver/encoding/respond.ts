/** Writes answers as HTTP responses: bytes that are cached already wherever there are some. */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { stringify } from 'yaml';
import type { AnyKind } from '../../api/kind.ts';
import { internalError, StatusError } from '../../api/machinery/status.ts';
import { type Exchange, isGone } from '../filters/exchange.ts';
import type { Entry } from '../registry/resource.ts';
import type { Answer, ListAnswer } from '../verbs/call.ts';
import { answerObject } from '../verbs/call.ts';
import { contentTypes, negotiate, type Representation } from './negotiate.ts';
import { answerProtobuf, metadataListProtobuf, metadataProtobuf } from './protobuf.ts';
import { metadataListOf, metadataOf, tableOf } from './transforms.ts';

/** Responses above this size are compressed for clients that accept it. */
const gzipThresholdBytes = 128 * 1024;
const chunkBytes = 256 * 1024;
const maxAtOnceBytes = 1024 * 1024;

export interface Shape {
  /** The kind of what is answered, where it is a kind. */
  readonly kind: AnyKind | undefined;
  readonly custom: boolean;
  readonly now: number;
  readonly includeObject: string | undefined;
  readonly pretty: boolean;
}

/** Sends an answer in the representation that the client accepts; throws 406 before anything is sent. */
export function sendAnswer(exchange: Exchange, answer: Answer, shape: Shape): void | Promise<void> {
  // It took longer than it may, and has been told so.
  if (exchange.res.headersSent) return;
  const accept = exchange.header('accept');
  exchange.responseObject = answer.entry?.object ?? answer.object;
  if (answer.entry && (accept === undefined || accept === '*/*' || accept === 'application/json') && !shape.pretty) {
    sendBytes(exchange, answer.code, answer.entry.json);
    return;
  }
  const transforms = shape.kind !== undefined && (answer.entry !== undefined || answer.list !== undefined);
  const representation = negotiate(accept, { protobuf: !shape.custom, transforms });
  if (representation.as) return sendTransformed(exchange, answer, { representation, shape });
  if (representation.format === 'json' && !shape.pretty) {
    if (answer.entry) return void sendBytes(exchange, answer.code, answer.entry.json);
    if (answer.list) return sendList(exchange, answer.code, answer.list);
    return void sendBytes(exchange, answer.code, Buffer.from(`${JSON.stringify(answer.object)}\n`));
  }
  if (representation.format === 'protobuf') {
    const bytes = answerProtobuf(answer, shape.kind);
    if (bytes) return sendBytes(exchange, answer.code, bytes, contentTypes.protobuf);
  }
  return sendObject(exchange, {
    code: answer.code,
    object: answerObject(answer),
    representation,
    pretty: shape.pretty,
  });
}

function sendTransformed(
  exchange: Exchange,
  answer: Answer,
  { representation, shape }: { representation: Representation; shape: Shape },
): void | Promise<void> {
  const { as } = representation;
  const kind = shape.kind!;
  if (representation.format === 'protobuf') {
    const bytes = answer.list ? metadataListProtobuf(answer.list) : metadataProtobuf(answer.entry!.object);
    return sendBytes(exchange, answer.code, bytes, contentTypes.protobuf);
  }
  let object: unknown;
  if (as === 'Table') object = tableOf(kind, answer, shape);
  else if (answer.list) object = metadataListOf(answer.list);
  else object = metadataOf(answer.entry!.object);
  return sendObject(exchange, { code: answer.code, object, representation, pretty: shape.pretty });
}

function sendObject(
  exchange: Exchange,
  {
    code,
    object,
    representation,
    pretty,
  }: { code: number; object: unknown; representation: Representation; pretty: boolean },
): void | Promise<void> {
  if (representation.format === 'yaml')
    return sendBytes(exchange, code, Buffer.from(stringify(object)), contentTypes.yaml);
  const text = pretty ? `${JSON.stringify(object, null, 2)}` : `${JSON.stringify(object)}\n`;
  return sendBytes(exchange, code, Buffer.from(text));
}

/** Headers that every answer of the API has. */
export function setHeaders(exchange: Exchange, contentType: string): void {
  const { res } = exchange;
  res.setHeader('Content-Type', contentType);
  res.setHeader('Cache-Control', exchange.cacheControl);
  if (exchange.warnings.length) res.setHeader('Warning', warningHeaders(exchange.warnings));
}

function warningHeaders(warnings: readonly string[]): string[] {
  return [...new Set(warnings)].map((text) => {
    // Header values take no control characters, and only Latin-1 travels unharmed.
    const clean = text.replace(/\p{Cc}/gu, ' ').replace(/[\\"]/g, '\\$&');
    return `299 - "${Buffer.from(clean, 'utf8').toString('latin1')}"`;
  });
}

export function sendBytes(
  exchange: Exchange,
  code: number,
  bytes: Uint8Array,
  contentType: string = contentTypes.json,
): void | Promise<void> {
  exchange.answered = true;
  exchange.responseCode = code;
  if (bytes.length > gzipThresholdBytes && acceptsGzip(exchange))
    return sendGzip(exchange, { code, bytes, contentType });
  return sendWhole(exchange, { code, bytes, contentType });
}

interface Whole {
  readonly code: number;
  readonly bytes: Uint8Array;
  readonly contentType: string;
}

function sendWhole(exchange: Exchange, { code, bytes, contentType }: Whole): void | Promise<void> {
  setHeaders(exchange, contentType);
  const { res } = exchange;
  res.setHeader('Content-Length', bytes.length);
  res.statusCode = code;
  if (exchange.req.method === 'HEAD') return void res.end();
  // What HTTP/2 is given at once counts against its connection until the client has read it.
  if (bytes.length > maxAtOnceBytes) return sendInPieces(exchange, bytes);
  res.end(bytes);
}

async function sendInPieces(exchange: Exchange, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    if (!(await writeChunk(exchange, bytes.subarray(at, at + chunkBytes)))) return;
  }
  exchange.res.end();
}

function acceptsGzip(exchange: Exchange): boolean {
  return exchange.header('accept-encoding')?.includes('gzip') ?? false;
}

const compress = promisify(gzip);

async function sendGzip(exchange: Exchange, { code, bytes, contentType }: Whole): Promise<void> {
  const packed = await compress(bytes, { level: 1 });
  const { res } = exchange;
  if (res.headersSent) return;
  res.setHeader('Content-Encoding', 'gzip');
  res.setHeader('Vary', 'Accept-Encoding');
  return sendWhole(exchange, { code, bytes: packed, contentType });
}

/** The beginning of a list's JSON, up to its items. */
function listHead(list: ListAnswer): string {
  const metadata = {
    resourceVersion: list.resourceVersion,
    ...(list.continueToken ? { continue: list.continueToken } : {}),
    ...(list.remainingItemCount === undefined ? {} : { remainingItemCount: list.remainingItemCount }),
  };
  const { kind, apiVersion } = { kind: list.kind.listKind, apiVersion: list.kind.apiVersion };
  return `{"kind":"${kind}","apiVersion":"${apiVersion}","metadata":${JSON.stringify(metadata)},"items":[`;
}

const listTail = ']}\n';
const comma = 0x2c;

/** Sends a list by putting its items' bytes together in pieces, no faster than the client reads. */
async function sendList(exchange: Exchange, code: number, list: ListAnswer): Promise<void> {
  const head = Buffer.from(listHead(list));
  const { entries } = list;
  let total = head.length + listTail.length + Math.max(0, entries.length - 1);
  for (const entry of entries) total += entry.json.length;
  if (total <= chunkBytes || acceptsGzip(exchange)) {
    const whole = Buffer.allocUnsafeSlow(total);
    head.copy(whole);
    let at = fill(whole, head.length, { entries, from: 0, to: entries.length });
    at += whole.write(listTail, at);
    return sendBytes(exchange, code, whole.subarray(0, at));
  }
  exchange.answered = true;
  exchange.responseCode = code;
  setHeaders(exchange, contentTypes.json);
  const { res } = exchange;
  res.statusCode = code;
  res.setHeader('Content-Length', total);
  if (exchange.req.method === 'HEAD') return void res.end();
  res.write(head);
  for (let from = 0; from < entries.length; ) {
    let size = 0;
    let to = from;
    while (to < entries.length && (size === 0 || size < chunkBytes)) size += entries[to++]!.json.length + 1;
    const chunk = Buffer.allocUnsafeSlow(size);
    const end = fill(chunk, 0, { entries, from, to });
    if (!(await writeChunk(exchange, chunk.subarray(0, end)))) return;
    from = to;
  }
  res.end(listTail);
}

/** Puts items and the commas between them into a buffer; the comma before the first belongs to it unless it begins the list. */
function fill(
  buffer: Buffer,
  start: number,
  { entries, from, to }: { entries: readonly Entry[]; from: number; to: number },
): number {
  let at = start;
  for (let i = from; i < to; i++) {
    if (i > 0) buffer[at++] = comma;
    const { json } = entries[i]!;
    buffer.set(json, at);
    at += json.length;
  }
  return at;
}

/** False when the client has gone. */
export function writeChunk(exchange: Exchange, chunk: Uint8Array): boolean | Promise<boolean> {
  const { res } = exchange;
  if (isGone(res)) return false;
  if (res.write(chunk)) return true;
  return new Promise((resolve) => {
    const settle = (open: boolean) => {
      res.off('drain', onDrain);
      res.off('close', onClose);
      resolve(open);
    };
    const onDrain = () => settle(true);
    const onClose = () => settle(false);
    res.on('drain', onDrain);
    res.on('close', onClose);
  });
}

/** Answers with the Status of an error; what is no StatusError must have been turned into one. */
export function sendError(exchange: Exchange, error: StatusError): void {
  const { res } = exchange;
  exchange.answered = true;
  if (res.headersSent) {
    if (!res.writableEnded) res.destroy();
    return;
  }
  const { retryAfterSeconds } = error.details ?? {};
  if (retryAfterSeconds) res.setHeader('Retry-After', String(retryAfterSeconds));
  if (error.code === 401) res.setHeader('WWW-Authenticate', 'Bearer realm="timonel"');
  const status = error.toStatus();
  exchange.responseObject = status;
  sendBytes(exchange, error.code, Buffer.from(`${JSON.stringify(status)}\n`));
}

/** The StatusError that stands for anything that was thrown. */
export function asStatusError(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  if (error instanceof URIError) return new StatusError('BadRequest', 'the URL has an invalid escape sequence');
  return internalError(error instanceof Error ? error.message : String(error));
}
