/** ./timonel, the launcher, in checkouts that are not as usual. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { run } from '../clients/stock-clients.ts';

it('installs nothing through a link to the packages of another checkout', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'timonel-launcher-'));
  try {
    const packages = join(folder, 'other/node_modules');
    const checkout = join(folder, 'checkout');
    mkdirSync(join(packages, '.bin'), { recursive: true });
    symlinkSync(process.execPath, join(packages, '.bin/node'));
    mkdirSync(join(checkout, 'src/cli'), { recursive: true });
    symlinkSync(packages, join(checkout, 'node_modules'));
    copyFileSync(join(import.meta.dirname, '../../timonel'), join(checkout, 'timonel'));
    writeFileSync(join(checkout, 'src/cli/main.ts'), 'console.log("started");');
    writeFileSync(join(checkout, 'package.json'), '{"name":"checkout","version":"1.0.0"}');
    writeFileSync(join(checkout, 'package-lock.json'), '{"name":"checkout","lockfileVersion":3,"packages":{}}');
    const result = await run(join(checkout, 'timonel'), []);
    expect(result, result.stderr).toMatchObject({ code: 0, stdout: 'started\n' });
    expect(existsSync(join(packages, '.bin/node'))).toBe(true);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
