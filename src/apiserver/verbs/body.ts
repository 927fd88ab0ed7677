/** Request bodies: from bytes of any content type, or an object of this process, to an object of the kind asked for. */
import type { AnyKind, KubeObject } from '../../api/kind.ts';
import { canonicalize, parseJson, parseYaml, strictDecodingError } from '../../api/machinery/decode.ts';
import { decodeProtobuf } from '../../api/machinery/protobuf.ts';
import { badRequest, StatusError } from '../../api/machinery/status.ts';
import type { StructSchema } from '../../api/schema/schema.ts';
import type { CustomHooks } from '../registry/resource.ts';
import type { Call, CallBody } from './call.ts';

export const protobufType = 'application/vnd.kubernetes.protobuf';

/** A body as JSON-like data, before any schema. */
export interface RawBody {
  readonly value: Record<string, unknown>;
  /** Paths of duplicate keys, worded as problems. */
  readonly problems: string[];
}

/** The media type without its parameters. */
export function mediaType(contentType: string): string {
  const semicolon = contentType.indexOf(';');
  return (semicolon < 0 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase();
}

export function unsupportedMediaType(accepted: readonly string[]): StatusError {
  return new StatusError(
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  );
}

/** What a struct, a kind or a custom resource makes of a body. */
export interface BodySchema {
  readonly struct: StructSchema;
  readonly apiVersion: string;
  readonly kind: string;
  readonly custom?: CustomHooks | undefined;
}

export function schemaOf(kind: AnyKind, custom?: CustomHooks): BodySchema {
  return { struct: kind.struct, apiVersion: kind.apiVersion, kind: kind.kind, custom };
}

/**
 * The object in a body, in canonical form and owned by the caller. Unknown and duplicate fields are refused, warned
 * about or ignored as fieldValidation says (callers in this process are trusted: ignored). Throws 400 and 415.
 */
export function decodeBody(call: Call, schema: BodySchema): KubeObject {
  const { body } = call;
  if (!body) throw badRequest('the request has no body');
  const validation = call.options.fieldValidation ?? ('object' in body ? 'Ignore' : 'Warn');
  const raw = readBody(body, schema);
  const { object, problems } = canonical(withType(raw.value, schema), schema);
  report(call, schema, { validation, problems: [...raw.problems, ...problems] });
  return object;
}

/** The same for a body that another step has made into data: the result of a patch. */
export function canonicalBody(
  call: Call,
  schema: BodySchema,
  raw: { readonly value: Record<string, unknown>; readonly problems?: readonly string[]; readonly prefix?: string },
): KubeObject {
  const validation = call.options.fieldValidation ?? (call.body && 'object' in call.body ? 'Ignore' : 'Warn');
  const { object, problems } = canonical(raw.value, schema);
  report(call, schema, {
    validation,
    problems: [...(raw.problems ?? []), ...problems],
    ...(raw.prefix === undefined ? {} : { prefix: raw.prefix }),
  });
  return object;
}

function canonical(value: Record<string, unknown>, schema: BodySchema): { object: KubeObject; problems: string[] } {
  return schema.custom ? schema.custom.admitRaw(value) : canonicalize<KubeObject>(schema.struct, value);
}

function report(
  call: Call,
  schema: BodySchema,
  found: { validation: string; problems: readonly string[]; prefix?: string },
): void {
  if (found.problems.length === 0 || found.validation === 'Ignore') return;
  if (found.validation === 'Strict') {
    if (found.prefix !== undefined)
      throw badRequest(`${found.prefix}strict decoding error: ${found.problems.join(', ')}`);
    throw strictDecodingError(schema.struct, schema, found.problems);
  }
  call.warnings.push(...found.problems);
}

/** The data of a body whose bytes may be JSON, YAML or protobuf. */
export function readBody(body: CallBody, schema: BodySchema): RawBody {
  if ('object' in body) {
    if (typeof body.object !== 'object' || body.object === null) throw badRequest('the body is not an object');
    return { value: body.object as Record<string, unknown>, problems: [] };
  }
  const type = mediaType(body.contentType);
  if (type === protobufType) {
    if (schema.custom) throw unsupportedMediaType(['application/json', 'application/yaml']);
    return readProtobuf(body.bytes, schema);
  }
  const parse = parserOf(type);
  if (!parse)
    throw unsupportedMediaType(
      schema.custom ? ['application/json', 'application/yaml'] : ['application/json', 'application/yaml', protobufType],
    );
  const parsed = parsing(body.bytes, parse, schema);
  if (typeof parsed.value !== 'object' || parsed.value === null || Array.isArray(parsed.value))
    throw badRequest(
      `couldn't get version/kind; json parse error: json: cannot unmarshal ${jsonTypeName(parsed.value)} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`,
    );
  return { value: parsed.value as Record<string, unknown>, problems: parsed.duplicates };
}

type Parse = (bytes: Uint8Array) => { value: unknown; duplicates: string[] };

function parserOf(type: string): Parse | undefined {
  switch (type) {
    case '':
    case 'application/json':
    case '*/*':
      return parseJson;
    case 'application/yaml':
    case 'application/x-yaml':
    case 'text/yaml':
      return parseYaml;
    default:
      return undefined;
  }
}

function parsing(bytes: Uint8Array, parse: Parse, schema: BodySchema): { value: unknown; duplicates: string[] } {
  try {
    return parse(bytes);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    if (error.reason !== 'BadRequest') throw error;
    throw badRequest(`the object provided is unrecognized (must be of type ${schema.kind}): ${error.message}`);
  }
}

function readProtobuf(bytes: Uint8Array, schema: BodySchema): RawBody {
  const document = decodeProtobuf(bytes);
  if (document.kind && document.kind !== schema.kind)
    return { value: { apiVersion: document.apiVersion, kind: document.kind }, problems: [] };
  return { value: document.decode(schema.struct), problems: [] };
}

function jsonTypeName(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return value === null ? 'null' : typeof value;
}

/** The data with its type, filled in where the body has none; another type is refused. */
export function withType(value: Record<string, unknown>, schema: BodySchema): Record<string, unknown> {
  const { apiVersion, kind } = value;
  if (apiVersion === schema.apiVersion && kind === schema.kind) return value;
  if (apiVersion !== undefined && typeof apiVersion !== 'string')
    throw badRequest("couldn't get version/kind; json parse error: apiVersion must be a string");
  if (kind !== undefined && typeof kind !== 'string')
    throw badRequest("couldn't get version/kind; json parse error: kind must be a string");
  if (apiVersion && apiVersion !== schema.apiVersion)
    throw badRequest(
      `the API version in the data (${apiVersion}) does not match the expected API version (${schema.apiVersion})`,
    );
  if (kind && kind !== schema.kind)
    throw badRequest(
      `${schema.kind} in version ${JSON.stringify(schema.apiVersion.split('/').at(-1))} cannot be handled as a ${schema.kind}: converting (${apiVersion ?? schema.apiVersion}.${kind}) to (${schema.apiVersion}.${schema.kind}): unknown conversion`,
    );
  return { ...value, kind: schema.kind, apiVersion: schema.apiVersion };
}
