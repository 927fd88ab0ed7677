/**
 * An OpenAPI 2 document as the protobuf message that kubectl asks for (`openapi.v2.Document` of google/gnostic). Keys of
 * objects become lists of names and values; vendor extensions are YAML texts, for which JSON serves.
 */
import type { Json } from './openapi-schemas.ts';
import { BackwardWriter } from './protobuf-writer.ts';

type Write = (writer: BackwardWriter, value: unknown) => void;

/** A field of a message: its JSON key, its number, and how its value is written. */
type Field = readonly [
  key: string,
  number: number,
  write: (writer: BackwardWriter, number: number, value: unknown) => void,
];

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const string: Field[2] = (writer, number, value) => {
  if (typeof value === 'string' && value !== '') writer.string(number, value);
};
const bool: Field[2] = (writer, number, value) => {
  if (value === true) writer.int(number, 1);
};
const int: Field[2] = (writer, number, value) => {
  if (typeof value === 'number' && value !== 0) writer.int(number, value);
};
const double: Field[2] = (writer, number, value) => {
  if (typeof value !== 'number' || value === 0) return;
  writer.double(value);
  writer.tag(number, 1);
};

/** A field whose value is a message; `write` is looked up late, because messages contain each other. */
const message =
  (write: () => Write): Field[2] =>
  (writer, number, value) => {
    const before = writer.written;
    write()(writer, value);
    writer.header(number, before);
  };

const repeated =
  (one: Field[2]): Field[2] =>
  (writer, number, value) => {
    if (!Array.isArray(value)) return;
    for (let i = value.length - 1; i >= 0; i--) one(writer, number, value[i]);
  };

/** Strings in a list may be empty. */
const strings = repeated((writer, number, value) => writer.string(number, String(value)));

/** An object whose keys are data: a list of names and values. */
const named =
  (value: Field[2]): Field[2] =>
  (writer, number, object) => {
    if (!isObject(object)) return;
    const keys = Object.keys(object);
    for (let i = keys.length - 1; i >= 0; i--) {
      const before = writer.written;
      value(writer, 2, object[keys[i]!]);
      writer.string(1, keys[i]!);
      writer.header(number, before);
    }
  };

/** Any: field 2 is YAML. */
const any = message(() => (writer, value) => writer.string(2, `${JSON.stringify(value)}\n`));

/** The `x-…` keys of an object. */
const extensions =
  (number: number): Write =>
  (writer, value) => {
    const own = Object.fromEntries(Object.entries(value as Json).filter(([key]) => key.startsWith('x-')));
    named(any)(writer, number, own);
  };

/** A message of fields in ascending order of their numbers. */
function fields(list: readonly Field[], extensionNumber?: number): Write {
  const descending = [...list].reverse();
  return (writer, value) => {
    if (!isObject(value)) return;
    if (extensionNumber !== undefined) extensions(extensionNumber)(writer, value);
    for (const [key, number, write] of descending) if (value[key] !== undefined) write(writer, number, value[key]);
  };
}

/** A message that has the whole value in one field. */
const wrap =
  (number: number, inner: Field[2]): Write =>
  (writer, value) =>
    inner(writer, number, value);

const schema: Write = fields(
  [
    ['$ref', 1, string],
    ['format', 2, string],
    ['title', 3, string],
    ['description', 4, string],
    ['default', 5, any],
    ['multipleOf', 6, double],
    ['maximum', 7, double],
    ['exclusiveMaximum', 8, bool],
    ['minimum', 9, double],
    ['exclusiveMinimum', 10, bool],
    ['maxLength', 11, int],
    ['minLength', 12, int],
    ['pattern', 13, string],
    ['maxItems', 14, int],
    ['minItems', 15, int],
    ['uniqueItems', 16, bool],
    ['maxProperties', 17, int],
    ['minProperties', 18, int],
    ['required', 19, strings],
    ['enum', 20, repeated(any)],
    ['additionalProperties', 21, message(() => additionalProperties)],
    ['type', 22, message(() => wrap(1, (writer, number, value) => strings(writer, number, [value])))],
    [
      'items',
      23,
      message(() =>
        wrap(
          1,
          message(() => schema),
        ),
      ),
    ],
    ['allOf', 24, repeated(message(() => schema))],
    ['properties', 25, message(() => wrap(1, named(message(() => schema))))],
    ['readOnly', 27, bool],
    ['example', 30, any],
  ],
  31,
);

const additionalProperties: Write = (writer, value) => {
  if (typeof value === 'boolean') writer.int(2, value ? 1 : 0);
  else message(() => schema)(writer, 1, value);
};

const bodyParameter = fields([
  ['description', 1, string],
  ['name', 2, string],
  ['in', 3, string],
  ['required', 4, bool],
  ['schema', 5, message(() => schema)],
]);
const queryParameter = fields([
  ['required', 1, bool],
  ['in', 2, string],
  ['description', 3, string],
  ['name', 4, string],
  ['type', 6, string],
  ['format', 7, string],
  ['uniqueItems', 20, bool],
]);
const pathParameter = fields([
  ['required', 1, bool],
  ['in', 2, string],
  ['description', 3, string],
  ['name', 4, string],
  ['type', 5, string],
  ['format', 6, string],
  ['uniqueItems', 19, bool],
]);

/** ParametersItem → Parameter → the parameter, of a body or not. */
const parameter: Write = wrap(
  1,
  message(() => (writer, value) => {
    const place = (value as Json)['in'];
    if (place === 'body') message(() => bodyParameter)(writer, 1, value);
    else {
      const nonBody: Write = (inner, given) =>
        place === 'path'
          ? message(() => pathParameter)(inner, 4, given)
          : message(() => queryParameter)(inner, 3, given);
      message(() => nonBody)(writer, 2, value);
    }
  }),
);

const response = fields([
  ['description', 1, string],
  [
    'schema',
    2,
    message(() =>
      wrap(
        1,
        message(() => schema),
      ),
    ),
  ],
]);

const operation = fields(
  [
    ['tags', 1, strings],
    ['description', 3, string],
    ['operationId', 5, string],
    ['produces', 6, strings],
    ['consumes', 7, strings],
    ['parameters', 8, repeated(message(() => parameter))],
    [
      'responses',
      9,
      message(() =>
        wrap(
          1,
          named(
            message(() =>
              wrap(
                1,
                message(() => response),
              ),
            ),
          ),
        ),
      ),
    ],
    ['schemes', 10, strings],
  ],
  13,
);

const pathItem = fields([
  ['get', 2, message(() => operation)],
  ['put', 3, message(() => operation)],
  ['post', 4, message(() => operation)],
  ['delete', 5, message(() => operation)],
  ['patch', 8, message(() => operation)],
  ['parameters', 9, repeated(message(() => parameter))],
]);

const info = fields([
  ['title', 1, string],
  ['version', 2, string],
]);

/** SecurityDefinitionsItem: its second kind is an API key. */
const securityDefinition: Write = wrap(
  2,
  message(() =>
    fields([
      ['type', 1, string],
      ['name', 2, string],
      ['in', 3, string],
      ['description', 4, string],
    ]),
  ),
);

/** A requirement's scopes: a list of strings by name. */
const securityRequirement = wrap(1, named(message(() => wrap(1, strings))));

const document = fields([
  ['swagger', 1, string],
  ['info', 2, message(() => info)],
  ['paths', 8, message(() => wrap(2, named(message(() => pathItem))))],
  ['definitions', 9, message(() => wrap(1, named(message(() => schema))))],
  ['security', 12, repeated(message(() => securityRequirement))],
  ['securityDefinitions', 13, message(() => wrap(1, named(message(() => securityDefinition))))],
]);

/** The document as protobuf. */
export function encodeOpenApiV2(openApi: Json): Uint8Array {
  const writer = new BackwardWriter(1 << 20);
  document(writer, openApi);
  return writer.finish();
}
