/** Renders the TypeScript types of every group-version from the schema facts: src/api/types/<group>-<version>.ts. */
import {
  type FieldSchema,
  groupVersionSchema,
  type StructSchema,
  schemaIds,
  type TypeSchema,
} from '../src/api/schema/schema.ts';

const fileName = (id: string) => id.replace('/', '-');
const namespaceOf = (id: string) => id.replace(/[^a-zA-Z0-9]/g, '_');

/** Where the TypeScript name would shadow a global that the files use. */
const quoted = (name: string) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : `'${name}'`);

export function renderTypes(): { path: string; text: string }[] {
  return schemaIds().map((id) => ({ path: `src/api/types/${fileName(id)}.ts`, text: renderGroupVersion(id) }));
}

function renderGroupVersion(id: string): string {
  const schema = groupVersionSchema(id);
  const used = new Set<string>();
  const ref = (struct: StructSchema): string => {
    const home = struct.id.slice(0, struct.id.lastIndexOf('.'));
    if (home === id) return struct.name;
    used.add(home);
    return `${namespaceOf(home)}.${struct.name}`;
  };
  const meta = (name: string): string => {
    if (id === 'meta/v1') return name;
    used.add('meta/v1');
    return `meta_v1.${name}`;
  };
  const type = (t: TypeSchema): string => {
    switch (t.kind) {
      case 'list': {
        const of = type(t.of);
        return /[|&]/.test(of) ? `(${of})[]` : `${of}[]`;
      }
      case 'map':
        return `{ [key: string]: ${type(t.of)} }`;
      case 'any':
        return 'unknown';
      case 'struct':
        return ref(t.struct);
      case 'scalar':
        return scalarType(t.scalar, t.values);
    }
  };
  /** Canonical objects have every field that JSON never leaves out, and every struct that is not a pointer. */
  const present = (f: FieldSchema) => !f.omitEmpty || (f.type.kind === 'struct' && !f.pointer);

  const body: string[] = [];
  for (const struct of schema.structs.values()) {
    const special = specialTypes[struct.id];
    if (special) {
      body.push(`export type ${struct.name} = ${special};\n`);
      continue;
    }
    const topLevel = struct.fields.some(
      (f) => f.inline && f.type.kind === 'struct' && f.type.struct.id === 'meta/v1.TypeMeta',
    );
    const isObject = topLevel && struct.byName.get('metadata')?.type.kind === 'struct' && usesObjectMeta(struct);
    const lines: string[] = [];
    for (const [name, field] of struct.byName) {
      if (name === '') continue;
      if (topLevel && (name === 'apiVersion' || name === 'kind')) continue;
      if (isObject && name === 'metadata') {
        lines.push(`  metadata: ${meta(struct.cluster ? 'ClusterMeta' : 'NamespacedMeta')};`);
        continue;
      }
      // A pointer in a field that JSON always has is written as null when unset.
      const optional = present(field) && !(field.pointer && !field.omitEmpty) ? '' : '?';
      lines.push(`  ${quoted(name)}${optional}: ${type(field.type)};`);
    }
    const head = topLevel ? '  apiVersion: string;\n  kind: string;\n' : '';
    body.push(`export interface ${struct.name} {\n${head}${lines.map((l) => `${l}\n`).join('')}}\n`);
  }
  for (const [name, alias] of schema.aliases) {
    if (schema.structs.has(name)) continue;
    if (alias.type === 'string') body.push(`export type ${name} = ${scalarType('string', alias.values)};\n`);
  }
  if (id === 'meta/v1') body.push(metaTypes);
  used.delete(id);
  const imports = [...used]
    .sort()
    .map((home) => `import type * as ${namespaceOf(home)} from './${fileName(home)}.ts';\n`);
  return `// Written by \`npm run gen\`. Not kept in git.\n/* eslint-disable */\n${imports.join('')}\n${body.join('\n')}`;
}

function usesObjectMeta(struct: StructSchema): boolean {
  const type = struct.byName.get('metadata')!.type;
  return (
    type.kind === 'struct' && type.struct.id === 'meta/v1.ObjectMeta' && struct.id !== 'meta/v1.PartialObjectMetadata'
  );
}

function scalarType(scalar: string, values?: readonly string[]): string {
  switch (scalar) {
    case 'bool':
      return 'boolean';
    case 'int32':
    case 'int64':
    case 'uint32':
    case 'float64':
      return 'number';
    case 'IntOrString':
      return 'number | string';
    case 'RawExtension':
    case 'FieldsV1':
      return '{ [key: string]: unknown }';
    case 'JSON':
      return 'unknown';
    default:
      // Known values help the editor; the API may meet others, so the type stays open.
      return values?.length ? `${values.map((v) => JSON.stringify(v)).join(' | ')} | (string & {})` : 'string';
  }
}

/** JSON shapes that differ from the Go structs that the facts describe. */
const specialTypes: Record<string, string> = {
  'apiextensions/v1.JSON': 'unknown',
  'apiextensions/v1.JSONSchemaPropsOrArray': 'JSONSchemaProps | JSONSchemaProps[]',
  'apiextensions/v1.JSONSchemaPropsOrBool': 'JSONSchemaProps | boolean',
  'apiextensions/v1.JSONSchemaPropsOrStringArray': 'JSONSchemaProps | string[]',
};

const metaTypes = `/** What the server has filled in on every stored object. */
export interface StoredMeta extends ObjectMeta {
  name: string;
  uid: string;
  resourceVersion: string;
  creationTimestamp: string;
}

export interface NamespacedMeta extends StoredMeta {
  namespace: string;
}

export interface ClusterMeta extends StoredMeta {
  namespace?: undefined;
}
`;
