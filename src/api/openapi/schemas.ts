/** OpenAPI schemas of API types, from their structs: in the form of OpenAPI v2 or v3, as upstream publishes them. */
import type { FieldSchema, Scalar, StructSchema, TypeSchema } from '../schema/schema.ts';

export type OpenApiVersion = 'v2' | 'v3';

/** A JSON schema. */
export type JsonSchema = { [key: string]: unknown };

/** The description of a type, or of one of its fields; undefined where there is none. */
export type Describe = (struct: StructSchema, field?: string) => string | undefined;

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';

/** Types that upstream publishes under a name of their own. */
const named: Partial<Record<Scalar, { readonly name: string; schema(version: OpenApiVersion): JsonSchema }>> = {
  Time: { name: `${meta}.Time`, schema: () => ({ type: 'string', format: 'date-time' }) },
  MicroTime: { name: `${meta}.MicroTime`, schema: () => ({ type: 'string', format: 'date-time' }) },
  Duration: { name: `${meta}.Duration`, schema: () => ({ type: 'string' }) },
  FieldsV1: { name: `${meta}.FieldsV1`, schema: () => ({ type: 'object' }) },
  RawExtension: { name: 'io.k8s.apimachinery.pkg.runtime.RawExtension', schema: () => ({ type: 'object' }) },
  JSON: { name: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON', schema: () => ({}) },
  Quantity: {
    name: 'io.k8s.apimachinery.pkg.api.resource.Quantity',
    schema: (version) => (version === 'v3' ? { oneOf: [{ type: 'string' }, { type: 'number' }] } : { type: 'string' }),
  },
  IntOrString: {
    name: 'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
    schema: (version) =>
      version === 'v3'
        ? { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] }
        : { type: 'string', format: 'int-or-string' },
  },
};

const plain: Partial<Record<Scalar, { readonly schema: JsonSchema; readonly zero: unknown }>> = {
  string: { schema: { type: 'string' }, zero: '' },
  bool: { schema: { type: 'boolean' }, zero: false },
  int32: { schema: { type: 'integer', format: 'int32' }, zero: 0 },
  int64: { schema: { type: 'integer', format: 'int64' }, zero: 0 },
  uint32: { schema: { type: 'integer', format: 'int64' }, zero: 0 },
  float64: { schema: { type: 'number', format: 'double' }, zero: 0 },
  bytes: { schema: { type: 'string', format: 'byte' }, zero: undefined },
};

/** Structs whose JSON is not an object of their fields. */
const shapeless: ReadonlySet<string> = new Set([
  'JSONSchemaPropsOrArray',
  'JSONSchemaPropsOrBool',
  'JSONSchemaPropsOrStringArray',
  'JSON',
]);

/** Collects the schemas that a document needs, each once. */
export class SchemaCollector {
  readonly schemas = new Map<string, JsonSchema>();
  readonly #version: OpenApiVersion;
  readonly #describe: Describe;

  constructor(version: OpenApiVersion, describe: Describe) {
    this.#version = version;
    this.#describe = describe;
  }

  /** Where a schema is in the document. */
  ref(name: string): string {
    return this.#version === 'v3' ? `#/components/schemas/${name}` : `#/definitions/${name}`;
  }

  /** Adds a struct, with everything it refers to, and gives its name. */
  add(struct: StructSchema, extensions: JsonSchema = {}): string {
    const name = struct.openapiName;
    if (this.schemas.has(name)) {
      Object.assign(this.schemas.get(name)!, extensions);
      return name;
    }
    const schema: JsonSchema = {};
    this.schemas.set(name, schema);
    const description = this.#describe(struct);
    if (description) schema['description'] = description;
    if (shapeless.has(struct.name)) {
      if (struct.name !== 'JSON') schema['type'] = undefined;
    } else {
      schema['type'] = 'object';
      const required: string[] = [];
      const properties: Record<string, JsonSchema> = {};
      for (const [fieldName, field] of [...struct.byName].sort(([a], [b]) => (a < b ? -1 : 1))) {
        if (fieldName === '') continue;
        properties[fieldName] = this.#property(struct, fieldName, field);
        if (!field.optional) required.push(fieldName);
      }
      if (required.length) schema['required'] = required;
      if (Object.keys(properties).length) schema['properties'] = properties;
      if (struct.structType) schema['x-kubernetes-map-type'] = struct.structType;
      if (struct.preserveUnknown) schema['x-kubernetes-preserve-unknown-fields'] = true;
    }
    Object.assign(schema, extensions);
    return name;
  }

  /** Adds a schema by name. */
  addSchema(name: string, schema: JsonSchema): string {
    this.schemas.set(name, schema);
    return name;
  }

  #property(struct: StructSchema, name: string, field: FieldSchema): JsonSchema {
    const description = this.#describe(struct, name);
    const out: JsonSchema = description ? { description } : {};
    this.#type(field.type, out, !field.pointer && !field.omitEmpty);
    if (field.default !== undefined) out['default'] = field.default;
    if (field.listMapKeys.length) out['x-kubernetes-list-map-keys'] = field.listMapKeys;
    if (field.listType) out['x-kubernetes-list-type'] = field.listType;
    if (field.mapType) out['x-kubernetes-map-type'] = field.mapType;
    if (field.structType) out['x-kubernetes-map-type'] = field.structType;
    if (field.patchMergeKey) out['x-kubernetes-patch-merge-key'] = field.patchMergeKey;
    if (field.patchStrategy.length) out['x-kubernetes-patch-strategy'] = field.patchStrategy.join(',');
    return out;
  }

  /** @param always JSON always has the value: v3 then states Go's zero as its default */
  #type(type: TypeSchema, out: JsonSchema, always: boolean): void {
    switch (type.kind) {
      case 'any':
        if (this.#version === 'v3') out['x-kubernetes-preserve-unknown-fields'] = true;
        return;
      case 'struct':
        this.#refTo(this.add(type.struct), out, always);
        return;
      case 'list': {
        const items: JsonSchema = {};
        this.#type(type.of, items, true);
        Object.assign(out, { type: 'array', items });
        return;
      }
      case 'map': {
        const values: JsonSchema = {};
        this.#type(type.of, values, true);
        Object.assign(out, { type: 'object', additionalProperties: values });
        return;
      }
      case 'scalar': {
        const known = named[type.scalar];
        if (known) {
          if (!this.schemas.has(known.name)) this.schemas.set(known.name, known.schema(this.#version));
          this.#refTo(known.name, out, false);
          return;
        }
        const { schema, zero } = plain[type.scalar]!;
        Object.assign(out, schema);
        if (type.values?.length && type.scalar === 'string') out['enum'] = [...type.values];
        else if (always && this.#version === 'v3' && zero !== undefined) out['default'] = zero;
      }
    }
  }

  /** v3 may say more beside a reference only when it is wrapped. */
  #refTo(name: string, out: JsonSchema, always: boolean): void {
    if (this.#version === 'v2') out['$ref'] = this.ref(name);
    else {
      out['allOf'] = [{ $ref: this.ref(name) }];
      if (always) out['default'] = {};
    }
  }
}
