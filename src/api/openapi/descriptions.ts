/**
 * Descriptions of types and fields, taken from the doc comments of the installed @kubernetes/client-node (generated from
 * upstream's API). Read once and kept in a file that is not part of the repository; without the package there are none.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { StructSchema } from '../schema/schema.ts';
import type { Describe } from './schemas.ts';

/** By class name; the class's own description under ''. */
type Descriptions = Readonly<Record<string, Readonly<Record<string, string>>>>;

const cacheFile = join(import.meta.dirname, '../descriptions.gen.json');
let loaded: Descriptions | undefined;

/** Describes built-in types. The first call reads some 700 files when the cache file is absent, a few milliseconds else. */
export const describeBuiltin: Describe = (struct, field) => {
  loaded ??= load();
  for (const name of classNames(struct)) {
    const found = loaded[name];
    if (found) return found[field ?? ''];
  }
  return undefined;
};

/** Writes the cache file anew; returns how many types are described. */
export function writeDescriptions(): number {
  const descriptions = extract();
  if (Object.keys(descriptions).length > 0) writeFileSync(cacheFile, JSON.stringify(descriptions));
  return Object.keys(descriptions).length;
}

function load(): Descriptions {
  try {
    if (existsSync(cacheFile)) return JSON.parse(readFileSync(cacheFile, 'utf8')) as Descriptions;
  } catch {
    // A torn file is made anew.
  }
  const descriptions = extract();
  try {
    if (Object.keys(descriptions).length > 0) writeFileSync(cacheFile, JSON.stringify(descriptions));
  } catch {
    // The folder may be read-only: the next process reads the package again.
  }
  return descriptions;
}

/** The package's name of a type: `V1Pod`, or with its group where two groups have the name: `EventsV1Event`. */
function classNames(struct: StructSchema): string[] {
  const [group, version] = struct.id.slice(0, struct.id.lastIndexOf('.')).split('/') as [string, string];
  const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
  const named = `${capital(version)}${struct.name}`;
  return [`${capital(group)}${named}`, named];
}

/** The installed package's folder, looked for upward from here. */
function modelsFolder(): string | undefined {
  for (let dir = import.meta.dirname; dirname(dir) !== dir; dir = dirname(dir)) {
    const models = join(dir, 'node_modules/@kubernetes/client-node/dist/gen/models');
    if (existsSync(models)) return models;
  }
  return undefined;
}

const oneLine = (comment: string) =>
  comment
    .split('\n')
    .map((line) => line.replace(/^\s*\*\s?/, ''))
    .join(' ')
    .replaceAll(/\s+/g, ' ')
    .trim();

function extract(): Descriptions {
  const folder = modelsFolder();
  if (!folder) return {};
  const out: Record<string, Record<string, string>> = {};
  for (const file of readdirSync(folder)) {
    if (!file.endsWith('.d.ts')) continue;
    const text = readFileSync(join(folder, file), 'utf8');
    const head = text.match(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*export declare class (\w+)/);
    const name = head?.[2] ?? text.match(/export declare class (\w+)/)?.[1];
    if (!name) continue;
    const described: Record<string, string> = {};
    if (head) described[''] = oneLine(head[1]!);
    for (const [, comment, field] of text.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*'([^']+)'\??:/g)) {
      // Names that are words of the language are written with an underscore before them.
      described[field!.replace(/^_(?=(continue|default|_enum|not|_in)$)/, '')] = oneLine(comment!);
    }
    out[name] = described;
  }
  return out;
}
