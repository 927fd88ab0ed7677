/**
 * Checks the one import rule (own folder or a lower layer), that there are no import cycles, and that nothing outside
 * src/base reads the clock or draws random numbers.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const root = join(import.meta.dirname, '..');
const src = join(root, 'src');

/** Lower numbers know nothing of higher ones; folders of one layer know nothing of each other. */
const layers: Readonly<Record<string, number>> = {
  base: 0,
  api: 1,
  store: 1,
  cri: 1,
  nft: 1,
  client: 2,
  apiserver: 3,
  controllers: 3,
  scheduler: 3,
  kubelet: 3,
  network: 3,
  dns: 3,
  ingress: 3,
  dashboard: 3,
  cluster: 4,
  cli: 5,
};

const problems: string[] = [];
const graph = new Map<string, string[]>();

for (const entry of readdirSync(src, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
  const file = join(entry.parentPath, entry.name);
  const name = relative(src, file);
  if (name.startsWith('api/types/')) continue;
  const folder = name.split('/')[0]!;
  const layer = layers[folder];
  const text = readFileSync(file, 'utf8');
  if (layer === undefined) {
    problems.push(
      `src/${name}: no layer for src/${folder}; put the file into a folder of the layer table in scripts/layers.ts`,
    );
    continue;
  }
  const imports: string[] = [];
  for (const match of text.matchAll(/^(?:import|export)\s+(type\s+)?(?:[^'";]*?from\s+)?'(\.[^']+)'/gm)) {
    const target = resolve(dirname(file), match[2]!);
    const targetName = relative(src, target);
    const targetFolder = targetName.split('/')[0]!;
    if (!match[1] && !targetName.startsWith('api/types/')) imports.push(target);
    if (!targetName.startsWith('api/types/') && !existsSync(target))
      problems.push(`src/${name}: imports ${match[2]}, which does not exist`);
    if (targetFolder === folder) continue;
    const targetLayer = layers[targetFolder];
    if (targetLayer === undefined) problems.push(`src/${name}: imports ${match[2]}, which is in no layer`);
    else if (targetLayer >= layer) {
      const way = targetLayer === layer ? 'sideways' : 'up';
      problems.push(
        `src/${name}: imports ${way} from src/${targetFolder}; ${
          layer === 3
            ? 'roles meet only through the Kubernetes API: use the client, or move what both need to a lower layer'
            : 'move what both need to a lower layer, or pass it in'
        }`,
      );
    }
  }
  graph.set(file, imports);
  if (folder !== 'base' && !name.endsWith('.test.ts')) {
    text.split('\n').forEach((line, index) => {
      if (/^\s*(\/\/|\*|\/\*)/.test(line)) return;
      const found = line.match(
        /(?<![\w.'"`])(Date\.now\(|new Date\(\)|setTimeout\(|setInterval\(|Math\.random\(|(?:crypto\.)?randomUUID\(|performance\.now\()/,
      );
      if (found)
        problems.push(`src/${name}:${index + 1}: ${found[1]}…) outside src/base; take a Clock or Random as input`);
    });
  }
}

const state = new Map<string, 'open' | 'done'>();
function visit(file: string, path: readonly string[]): void {
  if (state.get(file) === 'done') return;
  if (state.get(file) === 'open') {
    const cycle = [...path.slice(path.indexOf(file)), file].map((f) => relative(root, f));
    problems.push(`import cycle: ${cycle.join(' → ')}; move what both need into a file of its own`);
    return;
  }
  state.set(file, 'open');
  for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
  state.set(file, 'done');
}
for (const file of graph.keys()) visit(file, []);

for (const problem of problems) console.error(problem);
console.log(problems.length ? `${problems.length} layer problems` : `${graph.size} files keep the layers`);
process.exitCode = problems.length ? 1 : 0;
