/** What this is. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Timonel's own version, from package.json. */
export const timonelVersion: string = (
  JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as { version: string }
).version;
