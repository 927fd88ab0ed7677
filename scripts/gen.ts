/**
 * Writes what is derived from other files: the static lists (kept in git, so that they can be searched), and with
 * --types only the TypeScript types of the API (not kept). With --check it writes nothing and fails on a stale list.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const root = join(import.meta.dirname, '..');
const check = process.argv.includes('--check');
const typesOnly = process.argv.includes('--types');
let stale = 0;

function write(path: string, text: string): void {
  const full = join(root, path);
  if (existsSync(full) && readFileSync(full, 'utf8') === text) return;
  if (check) {
    console.error(`${path} is not current: run npm run gen`);
    stale++;
    return;
  }
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, text);
}

const banner = '// Written by `npm run gen`. Do not edit.\n';

function tsFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((e) => e.isFile() && /^[^.]+\.ts$/.test(e.name))
    .map((e) => relative(join(root, folder), join(e.parentPath, e.name)).replaceAll('\\', '/'))
    .sort();
}

/** One entry for each `export const NAME = MARKER(…)` below a folder, as an array in `into`. */
function collect(options: {
  folder: string;
  marker: RegExp;
  into: string;
  list: string;
  type: string;
  typeImport: string;
  doc: string;
}): void {
  const imports: string[] = [];
  const names: string[] = [];
  if (!existsSync(join(root, options.folder))) return;
  for (const file of tsFiles(options.folder)) {
    const text = readFileSync(join(root, options.folder, file), 'utf8');
    const found = [...text.matchAll(options.marker)].map((m) => m[1]!);
    if (found.length === 0) continue;
    const from = `./${relative(dirname(options.into), join(options.folder, file))}`;
    // Two kinds may have one name in different groups (Event, Ingress): every name is made unique by its path.
    const unique = found.map((name) => {
      const alias = `${file.replace(/\.ts$/, '').replace(/[^a-zA-Z0-9]+/g, '_')}_${name}`;
      names.push(alias);
      return `${name} as ${alias}`;
    });
    imports.push(`import { ${unique.join(', ')} } from '${from}';\n`);
  }
  write(
    options.into,
    `${banner}${imports.join('')}${options.typeImport}\n\n/** ${options.doc} */\nexport const ${options.list}: ${options.type} = [\n${names.map((n) => `  ${n},\n`).join('')}];\n`,
  );
}

function genFactsList(): void {
  const files = tsFiles('src/api/schema/facts');
  const name = (file: string) =>
    file.replace(/\.ts$/, '').replace(/[^a-zA-Z0-9]+(.)?/g, (_, c: string) => (c ?? '').toUpperCase());
  write(
    'src/api/schema/facts.gen.ts',
    `${banner}${files.map((f) => `import { facts as ${name(f)} } from './facts/${f}';\n`).join('')}import type { SchemaFacts } from './facts.ts';\n\n/** The facts of every group-version. */\nexport const allFacts: readonly SchemaFacts[] = [\n${files.map((f) => `  ${name(f)},\n`).join('')}];\n`,
  );
}

async function genTypes(): Promise<void> {
  // Kinds may bring types of their own.
  await import('../src/api/kinds.gen.ts');
  const { renderTypes } = await import('./gen-types.ts');
  for (const { path, text } of renderTypes()) {
    const full = join(root, path);
    mkdirSync(dirname(full), { recursive: true });
    if (!existsSync(full) || readFileSync(full, 'utf8') !== text) writeFileSync(full, text);
  }
}

if (!typesOnly) {
  genFactsList();
  collect({
    folder: 'src/api',
    marker: /^export const (\w+)(?::[^=]+)? = defineKind\b/gm,
    into: 'src/api/kinds.gen.ts',
    list: 'builtinKinds',
    type: 'readonly AnyKind[]',
    typeImport: "import type { AnyKind } from './kind.ts';",
    doc: 'Every built-in kind.',
  });
  collect({
    folder: 'src/controllers',
    marker: /^export const (\w+)(?::[^=]+)? = defineController\b/gm,
    into: 'src/controllers/controllers.gen.ts',
    list: 'builtinControllers',
    type: 'readonly ControllerDefinition[]',
    typeImport: "import type { ControllerDefinition } from '../client/reconcile.ts';",
    doc: 'Every built-in controller.',
  });
  collect({
    folder: 'src/apiserver/admission',
    marker: /^export const (\w+)(?::[^=]+)? = defineAdmissionPlugin\b/gm,
    into: 'src/apiserver/admission/plugins.gen.ts',
    list: 'builtinAdmissionPlugins',
    type: 'readonly AdmissionPlugin[]',
    typeImport: "import type { AdmissionPlugin } from './admission.ts';",
    doc: 'Every built-in admission plugin.',
  });
  collect({
    folder: 'src/scheduler/plugins',
    marker: /^export const (\w+)(?::[^=]+)? = defineSchedulerPlugin\b/gm,
    into: 'src/scheduler/plugins.gen.ts',
    list: 'builtinSchedulerPlugins',
    type: 'readonly SchedulerPlugin[]',
    typeImport: "import type { SchedulerPlugin } from './framework.ts';",
    doc: 'Every built-in scheduler plugin.',
  });
}
/** Texts for explain and OpenAPI, so that no server has to extract them when it is first asked. */
async function genDescriptions(): Promise<void> {
  const { generateDescriptions } = await import('../src/api/schema/descriptions.ts');
  generateDescriptions();
}

if (!check) await genTypes();
if (typesOnly) await genDescriptions();
process.exitCode = stale ? 1 : 0;
