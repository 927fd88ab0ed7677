/** Builds the package that is published: JavaScript and type declarations in dist/. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const run = (command: string, args: string[]) => {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
};

rmSync(join(root, 'dist'), { recursive: true, force: true });
run(process.execPath, ['scripts/gen.ts', '--types']);
run(join(root, 'node_modules/.bin/tsc'), ['--project', 'tsconfig.build.json']);
const descriptions = 'api/descriptions.gen.json';
if (existsSync(join(root, 'src', descriptions)))
  copyFileSync(join(root, 'src', descriptions), join(root, 'dist', descriptions));
