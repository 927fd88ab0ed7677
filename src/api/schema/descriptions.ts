/**
 * What upstream's documentation says of types and fields: shown by `kubectl explain` and in OpenAPI. It is extracted from
 * the installed @kubernetes/client-node package (generated from the v1.36 API) on first use, or by `npm run gen`, into a
 * file that git ignores. Without the package there are no descriptions, and nothing else is missing.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { groupVersionSchema, type StructSchema, schemaIds } from './schema.ts';

/** Texts by struct id and field name; the struct's own under the empty name. */
type Descriptions = Readonly<Record<string, Readonly<Record<string, string>>>>;

const cacheFile = join(import.meta.dirname, '..', 'descriptions.gen.json');
let loaded: Descriptions | undefined;

/** What is known of a struct; nothing for structs that the package does not have. */
export function describe(struct: StructSchema): {
  readonly text: string | undefined;
  field(name: string): string | undefined;
} {
  loaded ??= load();
  const texts = loaded[struct.id];
  return { text: texts?.[''], field: (name) => (texts && Object.hasOwn(texts, name) ? texts[name] : undefined) };
}

function load(): Descriptions {
  if (existsSync(cacheFile)) {
    try {
      const cached = JSON.parse(readFileSync(cacheFile, 'utf8')) as Descriptions;
      if (Object.keys(cached)[0]?.includes('/')) return cached;
    } catch {
      // Another process is writing the file at this moment: extract again.
    }
  }
  const descriptions = extractDescriptions();
  writeCache(descriptions);
  return descriptions;
}

function writeCache(descriptions: Descriptions): void {
  if (Object.keys(descriptions).length === 0) return;
  try {
    writeFileSync(cacheFile, JSON.stringify(descriptions));
  } catch {
    // An installation that cannot be written to extracts them in every process that needs them.
  }
}

/** Extracts the descriptions and writes the cache file; returns how many types have one. */
export function generateDescriptions(): number {
  const descriptions = extractDescriptions();
  writeCache(descriptions);
  return Object.keys(descriptions).length;
}

function modelsFolder(): string | undefined {
  try {
    return join(dirname(fileURLToPath(import.meta.resolve('@kubernetes/client-node'))), 'gen', 'models');
  } catch {
    return undefined;
  }
}

function extractDescriptions(): Descriptions {
  const folder = modelsFolder();
  const out: Record<string, Record<string, string>> = {};
  if (!folder || !existsSync(folder)) return out;
  for (const id of schemaIds()) {
    const [group, version] = id.split('/') as [string, string];
    const prefix = capital(version);
    for (const struct of groupVersionSchema(id).structs.values()) {
      // Names that several groups use begin with the group in the package; versions that it lacks read as the stable ones.
      const file = [`${capital(group)}${prefix}${struct.name}`, `${prefix}${struct.name}`, `V1${struct.name}`]
        .map((name) => join(folder, `${name}.d.ts`))
        .find((path) => existsSync(path));
      if (file) out[struct.id] = readModel(readFileSync(file, 'utf8'), struct);
    }
  }
  return out;
}

const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);

function readModel(text: string, struct: StructSchema): Record<string, string> {
  const out: Record<string, string> = {};
  const names = new Map([...struct.byName.keys()].map((name) => [name.replace(/[^\w]/g, '_'), name]));
  const body = text.indexOf('export declare class');
  const head = [...text.slice(0, body).matchAll(/\/\*\*\n([\s\S]*?)\*\//g)].at(-1);
  if (head && body >= 0) out[''] = commentText(head[1]!);
  for (const [, comment, key] of text.slice(body).matchAll(/\/\*\*\n([\s\S]*?)\*\/\s*'([^']+)'\??:/g)) {
    const bare = key!.replace(/[^\w]/g, '_');
    const name = names.get(bare) ?? names.get(bare.replace(/^_/, ''));
    if (name !== undefined) out[name] = commentText(comment!);
  }
  return out;
}

function commentText(comment: string): string {
  return comment
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, ''))
    .join('\n')
    .replace(/\\(["'])/g, '$1')
    .trim();
}
