/**
 * The v2 document in protobuf, as kubectl and other programs on client-go ask for it: the messages of openapi.v2 (gnostic),
 * with vendor extensions and defaults as YAML texts.
 */
import protobuf from 'protobufjs/minimal.js';

type Json = { readonly [key: string]: unknown };
type Write = (writer: protobuf.Writer) => void;

const lengthDelimited = (field: number) => (field << 3) | 2;
const varint = (field: number) => field << 3;

/** Encodes a Swagger document. */
export function encodeOpenApiV2(document: Json): Uint8Array {
  const w = protobuf.Writer.create();
  string(w, 1, document['swagger']);
  message(w, 2, (info) => {
    const { title, version } = document['info'] as Json;
    string(info, 1, title);
    string(info, 2, version);
  });
  message(w, 8, (paths) => named(paths, 2, document['paths'] as Json, writePathItem));
  message(w, 9, (definitions) => named(definitions, 1, document['definitions'] as Json, writeSchema));
  for (const requirement of (document['security'] ?? []) as Json[]) {
    message(w, 12, (r) => named(r, 1, requirement, (array, value) => strings(array, 1, value)));
  }
  message(w, 13, (security) =>
    named(security, 1, document['securityDefinitions'] as Json, (item, value) =>
      message(item, 2, (key) => {
        for (const [i, name] of ['type', 'name', 'in', 'description'].entries()) string(key, i + 1, value[name]);
      }),
    ),
  );
  return w.finish();
}

function string(w: protobuf.Writer, field: number, value: unknown): void {
  if (typeof value === 'string' && value !== '') w.uint32(lengthDelimited(field)).string(value);
}

function strings(w: protobuf.Writer, field: number, values: unknown): void {
  for (const value of (values ?? []) as unknown[]) w.uint32(lengthDelimited(field)).string(String(value));
}

function bool(w: protobuf.Writer, field: number, value: unknown): void {
  if (value === true) w.uint32(varint(field)).bool(true);
}

function message(w: protobuf.Writer, field: number, write: Write): void {
  w.uint32(lengthDelimited(field)).fork();
  write(w);
  w.ldelim();
}

/** A map as repeated pairs of name and value. */
function named(
  w: protobuf.Writer,
  field: number,
  map: Json | undefined,
  write: (w: protobuf.Writer, value: Json) => void,
): void {
  for (const [name, value] of Object.entries(map ?? {})) {
    message(w, field, (pair) => {
      string(pair, 1, name);
      message(pair, 2, (inner) => write(inner, value as Json));
    });
  }
}

/** A value as YAML: JSON is a part of it. */
function any(w: protobuf.Writer, field: number, value: unknown): void {
  message(w, field, (a) => string(a, 2, `${JSON.stringify(value)}\n`));
}

function extensions(w: protobuf.Writer, field: number, value: Json): void {
  for (const [name, extension] of Object.entries(value)) {
    if (!name.startsWith('x-')) continue;
    message(w, field, (pair) => {
      string(pair, 1, name);
      any(pair, 2, extension);
    });
  }
}

const methods: readonly (readonly [name: string, field: number])[] = [
  ['get', 2],
  ['put', 3],
  ['post', 4],
  ['delete', 5],
  ['patch', 8],
];

function writePathItem(w: protobuf.Writer, item: Json): void {
  for (const [name, field] of methods) if (item[name]) message(w, field, (o) => writeOperation(o, item[name] as Json));
  for (const parameter of (item['parameters'] ?? []) as Json[]) message(w, 9, (p) => writeParameter(p, parameter));
}

function writeOperation(w: protobuf.Writer, operation: Json): void {
  strings(w, 1, operation['tags']);
  string(w, 3, operation['description']);
  string(w, 5, operation['operationId']);
  strings(w, 6, operation['produces']);
  strings(w, 7, operation['consumes']);
  for (const parameter of (operation['parameters'] ?? []) as Json[]) message(w, 8, (p) => writeParameter(p, parameter));
  message(w, 9, (responses) =>
    named(responses, 1, operation['responses'] as Json, (value, response) =>
      message(value, 1, (r) => {
        string(r, 1, response['description']);
        if (response['schema'])
          message(r, 2, (item) => message(item, 1, (s) => writeSchema(s, response['schema'] as Json)));
      }),
    ),
  );
  strings(w, 10, operation['schemes']);
  extensions(w, 13, operation);
}

function writeParameter(w: protobuf.Writer, parameter: Json): void {
  message(w, 1, (p) => {
    if (parameter['in'] === 'body') {
      message(p, 1, (body) => {
        string(body, 2, parameter['name']);
        string(body, 3, 'body');
        bool(body, 4, parameter['required']);
        message(body, 5, (s) => writeSchema(s, parameter['schema'] as Json));
      });
      return;
    }
    const isPath = parameter['in'] === 'path';
    message(p, 2, (other) =>
      message(other, isPath ? 4 : 3, (q) => {
        bool(q, 1, parameter['required']);
        string(q, 2, parameter['in']);
        string(q, 3, parameter['description']);
        string(q, 4, parameter['name']);
        // A query parameter has one field more before its type.
        string(q, isPath ? 5 : 6, parameter['type']);
        bool(q, isPath ? 19 : 20, parameter['uniqueItems']);
      }),
    );
  });
}

function writeSchema(w: protobuf.Writer, schema: Json): void {
  string(w, 1, schema['$ref']);
  string(w, 2, schema['format']);
  string(w, 4, schema['description']);
  if (schema['default'] !== undefined) any(w, 5, schema['default']);
  if (typeof schema['maximum'] === 'number') w.uint32((7 << 3) | 1).double(schema['maximum']);
  if (typeof schema['minimum'] === 'number') w.uint32((9 << 3) | 1).double(schema['minimum']);
  string(w, 13, schema['pattern']);
  strings(w, 19, schema['required']);
  for (const value of (schema['enum'] ?? []) as unknown[]) any(w, 20, value);
  const more = schema['additionalProperties'];
  if (typeof more === 'object' && more) message(w, 21, (item) => message(item, 1, (s) => writeSchema(s, more as Json)));
  else if (more === true) message(w, 21, (item) => bool(item, 2, true));
  if (typeof schema['type'] === 'string') message(w, 22, (type) => string(type, 1, schema['type']));
  if (schema['items']) message(w, 23, (items) => message(items, 1, (s) => writeSchema(s, schema['items'] as Json)));
  for (const part of (schema['allOf'] ?? []) as Json[]) message(w, 24, (s) => writeSchema(s, part));
  if (schema['properties'])
    message(w, 25, (properties) => named(properties, 1, schema['properties'] as Json, writeSchema));
  extensions(w, 31, schema);
}
