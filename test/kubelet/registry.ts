/** A registry in the test's process: serves the blobs of an OCI archive, with a user and password where asked. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readTar } from '../../src/cri/tar.ts';

export interface TestRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** Manifests asked for, by name. */
  readonly pulls: string[];
  close(): Promise<void>;
}

/** @param login `user:password` that is asked for */
export async function startRegistry(archive: Uint8Array, login?: string): Promise<TestRegistry> {
  const blobs = new Map<string, Buffer>();
  let manifestDigest = '';
  await readTar(
    (async function* () {
      yield archive;
    })(),
    {
      onMember: () => 'content',
      onContent(member, content) {
        if (member.name === 'index.json') manifestDigest = JSON.parse(content.toString()).manifests[0].digest;
        if (member.name.startsWith('blobs/sha256/')) blobs.set(`sha256:${member.name.slice(13)}`, content);
      },
    },
  );
  const pulls: string[] = [];
  const server = createServer((request, response) => {
    const authorization = `Basic ${Buffer.from(login ?? '').toString('base64')}`;
    if (login && request.headers.authorization !== authorization) {
      response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="test"' }).end();
      return;
    }
    const path = new URL(request.url ?? '/', 'http://registry').pathname;
    const match = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(path);
    if (!match) {
      response.writeHead(path === '/v2/' ? 200 : 404).end();
      return;
    }
    const [, name, what, reference] = match as unknown as [string, string, string, string];
    if (name === 'absent') {
      response.writeHead(404).end();
      return;
    }
    const digest = what === 'blobs' || reference.startsWith('sha256:') ? reference : manifestDigest;
    const body = blobs.get(digest);
    if (!body) {
      response.writeHead(404).end();
      return;
    }
    if (what === 'manifests' && request.method === 'GET') pulls.push(name);
    response.writeHead(200, {
      'Content-Type': what === 'manifests' ? 'application/vnd.oci.image.manifest.v1+json' : 'application/octet-stream',
      'Content-Length': body.length,
      'Docker-Content-Digest': digest,
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    pulls,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
