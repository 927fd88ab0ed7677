/** Checks the documents: relative links lead somewhere, and paths of the tree that they name in backticks exist. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const root = join(import.meta.dirname, '..');
const documents = [
  ...readdirSync(root).filter((f) => f.endsWith('.md')),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((f) => f.endsWith('.md'))
    .map((f) => join('docs', f)),
];
const problems: string[] = [];

for (const document of documents) {
  const text = readFileSync(join(root, document), 'utf8').replace(/^```[\s\S]*?^```/gm, '');
  for (const [, target] of text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
    if (/^[a-z]+:/.test(target!)) continue;
    if (!existsSync(join(root, dirname(document), target!)))
      problems.push(`${document}: link to ${target}, which does not exist`);
  }
  for (const [, path] of text.matchAll(/`((?:src|test|bench|scripts|docs|examples)\/[\w./-]+)`/g)) {
    if (!existsSync(join(root, path!))) problems.push(`${document}: names ${path}, which does not exist`);
  }
}

for (const problem of problems) console.error(problem);
console.log(
  problems.length
    ? `${problems.length} problems in documents`
    : `${documents.length} documents: ${relative(root, root) || 'links and paths hold'}`,
);
process.exitCode = problems.length ? 1 : 0;
