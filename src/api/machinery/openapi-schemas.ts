/** OpenAPI schemas of structs, in the forms of OpenAPI 2 and 3: what `components.schemas` and `definitions` hold. */
import type { AnyKind } from '../kind.ts';
import { describe } from '../schema/descriptions.ts';
import { type FieldSchema, type Scalar, type StructSchema, structSchema, type TypeSchema } from '../schema/schema.ts';

export type Json = Record<string, unknown>;

/** Which OpenAPI a document is written in. */
export type OpenApiVersion = 2 | 3;

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const quantityName = 'io.k8s.apimachinery.pkg.api.resource.Quantity';
const intOrStringName = 'io.k8s.apimachinery.pkg.util.intstr.IntOrString';

/** Scalars that are definitions of their own. */
const namedScalars: Partial<
  Record<Scalar, { readonly name: string; readonly schema: (version: OpenApiVersion) => Json }>
> = {
  Quantity: {
    name: quantityName,
    schema: (version) => ({
      description:
        'Quantity is an exact fixed-point amount, such as 100m, 1.5Gi or 12e6: a number with a decimal (n, u, m, k, M, G, T, P, E) or binary (Ki, Mi, Gi, Ti, Pi, Ei) suffix, or an exponent. It is shown in canonical form: without a fraction, with the largest suffix that keeps it exact.',
      ...(version === 3 ? { oneOf: [{ type: 'string' }, { type: 'number' }] } : { type: 'string' }),
    }),
  },
  IntOrString: {
    name: intOrStringName,
    schema: (version) => ({
      description: 'IntOrString is a number or a string: a percentage or a name.',
      format: 'int-or-string',
      ...(version === 3 ? { oneOf: [{ type: 'integer' }, { type: 'string' }] } : { type: 'string' }),
    }),
  },
  Time: {
    name: `${meta}.Time`,
    schema: () => ({ description: 'Time is an RFC 3339 time with seconds.', type: 'string', format: 'date-time' }),
  },
  MicroTime: {
    name: `${meta}.MicroTime`,
    schema: () => ({
      description: 'MicroTime is an RFC 3339 time with microseconds.',
      type: 'string',
      format: 'date-time',
    }),
  },
  Duration: {
    name: `${meta}.Duration`,
    schema: () => ({ description: 'Duration is a length of time, such as 1h30m or 100ms.', type: 'string' }),
  },
  RawExtension: {
    name: 'io.k8s.apimachinery.pkg.runtime.RawExtension',
    schema: () => ({ description: 'RawExtension holds an object of any type.', type: 'object' }),
  },
  FieldsV1: {
    name: `${meta}.FieldsV1`,
    schema: () => ({
      description:
        'FieldsV1 is a set of fields as a tree: f:<name> is a field, k:<keys> and v:<value> are elements of lists, and a dot stands for the node itself.',
      type: 'object',
    }),
  },
  JSON: {
    name: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON',
    schema: () => ({
      description: 'JSON represents any valid JSON value: a boolean, number, string, list, object or null.',
    }),
  },
};

const plainScalars: Partial<Record<Scalar, Json>> = {
  string: { type: 'string' },
  bool: { type: 'boolean' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  uint32: { type: 'integer', format: 'int64' },
  float64: { type: 'number', format: 'double' },
  bytes: { type: 'string', format: 'byte' },
};

const zeroDefaults: Partial<Record<Scalar, unknown>> = {
  string: '',
  bool: false,
  int32: 0,
  int64: 0,
  uint32: 0,
  float64: 0,
};

/** Structs of which JSON has one of two forms. */
const eitherForm: ReadonlySet<string> = new Set([
  'apiextensions/v1.JSONSchemaPropsOrArray',
  'apiextensions/v1.JSONSchemaPropsOrStringArray',
  'apiextensions/v1.JSONSchemaPropsOrBool',
]);

/** Collects the schemas of a document: whatever is referred to is added. */
export class SchemaCollector {
  readonly version: OpenApiVersion;
  readonly #schemas = new Map<string, Json>();
  readonly #gvks = new Map<string, Json[]>();

  constructor(version: OpenApiVersion) {
    this.version = version;
  }

  /** The reference to a definition. */
  ref(name: string): Json {
    return { $ref: this.version === 3 ? `#/components/schemas/${name}` : `#/definitions/${name}` };
  }

  /** Adds a struct and all that it refers to; returns its name. */
  addStruct(struct: StructSchema): string {
    const name = struct.openapiName;
    if (!this.#schemas.has(name)) {
      this.#schemas.set(name, {});
      this.#schemas.set(name, this.#structSchema(struct));
    }
    return name;
  }

  /** Adds a definition that is not derived from a struct. */
  add(name: string, schema: Json): string {
    if (!this.#schemas.has(name)) this.#schemas.set(name, schema);
    return name;
  }

  /** Says that a definition is the body of a kind. */
  markKind(name: string, gvk: { group: string; version: string; kind: string }): void {
    const list = this.#gvks.get(name) ?? [];
    if (!list.some((g) => g['group'] === gvk.group && g['version'] === gvk.version && g['kind'] === gvk.kind)) {
      list.push({ group: gvk.group, kind: gvk.kind, version: gvk.version });
    }
    this.#gvks.set(name, list);
  }

  /** All schemas, sorted by name. */
  schemas(): Record<string, Json> {
    const out: Record<string, Json> = {};
    for (const name of [...this.#schemas.keys()].sort()) {
      const gvks = this.#gvks.get(name);
      const schema = this.#schemas.get(name)!;
      out[name] = gvks ? { ...schema, 'x-kubernetes-group-version-kind': gvks } : schema;
    }
    return out;
  }

  #structSchema(struct: StructSchema): Json {
    const texts = describe(struct);
    const description = texts.text ? { description: texts.text } : {};
    if (eitherForm.has(struct.id)) return description;
    const properties: Json = {};
    const required: string[] = [];
    for (const [name, field] of [...struct.byName].sort(([a], [b]) => (a < b ? -1 : 1))) {
      properties[name] = this.#property(field, texts.field(name) ?? typeText(field.type));
      if (!field.optional) required.push(name);
    }
    return {
      ...description,
      ...(Object.keys(properties).length ? { properties } : {}),
      ...(required.length ? { required: requiredOrder(struct, required) } : {}),
      type: 'object',
      ...(struct.structType === 'atomic' ? { 'x-kubernetes-map-type': 'atomic' } : {}),
      ...(struct.preserveUnknown ? { 'x-kubernetes-preserve-unknown-fields': true } : {}),
    };
  }

  #property(field: FieldSchema, text: string | undefined): Json {
    const { type } = field;
    const extensions: Json = {};
    if (type.kind === 'list' && type.listType) extensions['x-kubernetes-list-type'] = type.listType;
    if (type.kind === 'list' && type.listType === 'map') extensions['x-kubernetes-list-map-keys'] = type.keys ?? [];
    if (type.kind === 'map' && type.atomic) extensions['x-kubernetes-map-type'] = 'atomic';
    if (type.kind === 'struct' && type.atomic && type.struct.structType !== 'atomic') {
      extensions['x-kubernetes-map-type'] = 'atomic';
    }
    if (field.patchMergeKey) extensions['x-kubernetes-patch-merge-key'] = field.patchMergeKey;
    if (field.patchStrategy.length) extensions['x-kubernetes-patch-strategy'] = field.patchStrategy.join(',');
    const schema = this.#typeSchema(type);
    const fallback = field.default ?? this.#zeroDefault(field);
    const siblings: Json = {
      ...(this.version === 3 && fallback !== undefined ? { default: fallback } : {}),
      ...(text ? { description: text } : {}),
      ...extensions,
    };
    return this.#withSiblings(schema, siblings);
  }

  /** OpenAPI 3 ignores what stands beside a reference, so that the reference goes into allOf. */
  #withSiblings(schema: Json, siblings: Json): Json {
    if (Object.keys(siblings).length === 0) return schema;
    if (this.version === 3 && '$ref' in schema) return { allOf: [schema], ...siblings };
    return { ...schema, ...siblings };
  }

  #zeroDefault(field: FieldSchema): unknown {
    const { type } = field;
    if (field.pointer) return undefined;
    if (type.kind === 'struct') return {};
    if (type.kind !== 'scalar' || field.omitEmpty) return undefined;
    return type.scalar === 'Quantity' ? {} : zeroDefaults[type.scalar];
  }

  #typeSchema(type: TypeSchema): Json {
    switch (type.kind) {
      case 'any':
        return {};
      case 'scalar': {
        const named = namedScalars[type.scalar];
        if (named) return this.ref(this.add(named.name, named.schema(this.version)));
        return { ...plainScalars[type.scalar], ...enumOf(type) };
      }
      case 'struct':
        return this.ref(this.addStruct(type.struct));
      case 'list':
        return { type: 'array', items: this.#elementSchema(type.of) };
      case 'map':
        return { type: 'object', additionalProperties: this.#elementSchema(type.of) };
    }
  }

  #elementSchema(type: TypeSchema): Json {
    const schema = this.#typeSchema(type);
    if (this.version === 2) return schema;
    const fallback = type.kind === 'struct' ? {} : type.kind === 'scalar' ? zeroDefaults[type.scalar] : undefined;
    return fallback === undefined ? schema : this.#withSiblings(schema, { default: fallback });
  }
}

/** Types of which upstream declares some values, but others may occur. */
const openSets =
  /(?:ConditionType|ConditionStatus|Reason|Name|CauseType|NodeAddressType|LimitType|KeyUsage|ClusterTrustBundleSigner)$/;

function enumOf(type: TypeSchema & { kind: 'scalar' }): Json {
  const values = type.values?.filter((value) => value !== '');
  if (!values?.length || type.scalar !== 'string' || openSets.test(type.goName ?? '')) return {};
  return { enum: [...values].sort() };
}

/** The package has no text for fields that refer to another type: that type's is the next best. */
function typeText(type: TypeSchema): string | undefined {
  return type.kind === 'struct' ? describe(type.struct).text : undefined;
}

/** Upstream lists required fields as they are declared. */
function requiredOrder(struct: StructSchema, required: string[]): string[] {
  const order = [...struct.byName.keys()];
  return required.sort((a, b) => order.indexOf(a) - order.indexOf(b));
}

/** `com.example.stable.v1.CronTab`: the name of a custom resource's definition. */
export function customDefinitionName(kind: { group: string; version: string; kind: string }): string {
  return [...kind.group.split('.').reverse(), kind.version, kind.kind].join('.');
}

const typeMeta = {
  apiVersion: {
    type: 'string',
    description: 'APIVersion defines the versioned schema of this representation of an object.',
  },
  kind: { type: 'string', description: 'Kind is the REST resource that this object represents, in CamelCase.' },
};

/** The names of a kind's definition and of its list's. */
export interface KindDefinitions {
  readonly object: string;
  readonly list: string | undefined;
}

/** Adds the definitions of a kind; a custom one has the schema of its CRD. */
export function addKind(collector: SchemaCollector, kind: AnyKind, customSchema?: Json): KindDefinitions {
  const lists = (kind.verbs ?? ['list']).includes('list');
  const object = customSchema ? addCustom(collector, kind, customSchema) : collector.addStruct(kind.struct);
  collector.markKind(object, kind);
  if (!lists) return { object, list: undefined };
  const list = listStruct(kind, customSchema);
  const listName = list
    ? collector.addStruct(list)
    : collector.add(`${object}List`, customList(collector, kind, object));
  collector.markKind(listName, { ...kind, kind: kind.listKind });
  return { object, list: listName };
}

function listStruct(kind: AnyKind, customSchema: Json | undefined): StructSchema | undefined {
  if (customSchema) return undefined;
  try {
    return structSchema(`${kind.struct.id}List`);
  } catch {
    return undefined;
  }
}

function customList(collector: SchemaCollector, kind: AnyKind, object: string): Json {
  return {
    description: `${kind.listKind} is a list of ${kind.kind}`,
    properties: {
      apiVersion: typeMeta.apiVersion,
      items: { description: `List of ${kind.plural}.`, items: collector.ref(object), type: 'array' },
      kind: typeMeta.kind,
      metadata: collector.ref(collector.addStruct(structSchema('meta/v1.ListMeta'))),
    },
    required: ['items'],
    type: 'object',
  };
}

function addCustom(collector: SchemaCollector, kind: AnyKind, schema: Json): string {
  // Named properties, were there any, would be the only ones that kubectl takes.
  if (collector.version === 2 && schema[preserves] === true)
    return collector.add(customDefinitionName(kind), { type: 'object' });
  const metadata = collector.ref(collector.addStruct(structSchema('meta/v1.ObjectMeta')));
  const body = (collector.version === 3 ? schema : asOpenApi2(schema)) as Json;
  return collector.add(customDefinitionName(kind), {
    ...body,
    type: 'object',
    properties: { ...(body['properties'] as Json | undefined), ...typeMeta, metadata },
  });
}

const preserves = 'x-kubernetes-preserve-unknown-fields';

/** What OpenAPI 2 cannot say is left out, so that its clients take more than the server does. */
const beyondOpenApi2: ReadonlySet<string> = new Set(['oneOf', 'anyOf', 'not', 'nullable', 'default']);

function asOpenApi2(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(asOpenApi2);
  if (typeof schema !== 'object' || schema === null) return schema;
  const source = schema as Json;
  const anyFields = source[preserves] === true;
  const anyType = anyFields || source['x-kubernetes-int-or-string'] === true;
  const out: Json = {};
  for (const [key, value] of Object.entries(source)) {
    if (beyondOpenApi2.has(key) || (anyType && key === 'type')) continue;
    if (anyFields && (key === 'properties' || key === 'items')) continue;
    // Properties may have any name, also those of keywords.
    out[key] =
      key === 'properties' && typeof value === 'object' && value !== null
        ? Object.fromEntries(Object.entries(value).map(([name, property]) => [name, asOpenApi2(property)]))
        : key === 'enum' || key === 'example'
          ? value
          : asOpenApi2(value);
  }
  return out;
}
