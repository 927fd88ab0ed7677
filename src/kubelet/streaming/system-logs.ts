/** The machine's own logs as the node's server shows them: files and listings below one directory. */
import { constants, createReadStream, type Dirent } from 'node:fs';
import { open, readdir, realpath } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { NodeRequestError } from './node-backend.ts';

/**
 * Answers with a file or a listing. Links are followed as long as they stay below the directory; only regular files are
 * read, so that no pipe or device makes the reader wait. Rejects with {@link NodeRequestError}.
 */
export async function answerSystemLog(dir: string, parts: readonly string[], response: ServerResponse): Promise<void> {
  const notFound = new NodeRequestError(404, '404 page not found');
  if (parts.some((part) => part === '..' || part.includes('/') || part.includes('\0'))) throw notFound;
  const root = await realpath(dir).catch(() => Promise.reject(notFound));
  const path = await realpath(join(root, ...parts)).catch(() => Promise.reject(notFound));
  if (path !== root && !path.startsWith(`${root}/`)) throw notFound;
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const stats = await file.stat();
  if (stats.isFile()) {
    response.setHeader('Content-Type', 'text/plain; charset=utf-8');
    response.setHeader('X-Content-Type-Options', 'nosniff');
    await pipeline(createReadStream('', { fd: file }), response).catch(() => response.destroy());
    return;
  }
  await file.close();
  if (!stats.isDirectory()) throw notFound;
  const entries = await readdir(path, { withFileTypes: true });
  response.setHeader('Content-Type', 'text/html; charset=utf-8');
  response.end(
    `<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n${listing(entries)}</pre>\n`,
  );
}

const listing = (entries: readonly Dirent[]): string =>
  entries
    .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
    .sort()
    .map((name) => `<a href="${encodeURIComponent(name).replace('%2F', '/')}">${escapeHtml(name)}</a>\n`)
    .join('');

const signs: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;' };
const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (sign) => signs[sign]!);
