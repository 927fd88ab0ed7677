/** Importing image archives into containerd: OCI layouts and docker archives, plain or gzipped. */
import { spawn } from 'node:child_process';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Clock } from '../base/clock.ts';
import { fullImageName } from './image-name.ts';
import { findProgram } from './machine.ts';
import type { CriRuntime } from './runtime.ts';
import { readTar, tarEnd, tarMember } from './tar.ts';
import { pause } from './wait.ts';

/** What is wrong with an archive or its import. */
export class ImageImportError extends Error {
  override readonly name = 'ImageImportError';
}

interface IndexEntry {
  digest: string;
  mediaType?: string;
  annotations?: Record<string, string>;
}

const containerdName = 'io.containerd.image.name';
const ociRefName = 'org.opencontainers.image.ref.name';

/**
 * Imports the images of an archive and resolves with their full names once the runtime knows them.
 *
 * The archive is passed through: only an OCI layout's index is rewritten, so that every image gets the full name that
 * Kubernetes will look for, whichever tool packed it.
 */
export async function importArchive(
  archive: AsyncIterable<Uint8Array>,
  options: { runtime: CriRuntime; clock: Clock; snapshotter?: string },
): Promise<string[]> {
  const { runtime, clock } = options;
  const { runtime_name: runtimeName } = await runtime.runtime.version({});
  if (runtimeName !== 'containerd') {
    throw new ImageImportError(
      `${runtimeName} has no import of archives: load the archive with its own tool (skopeo copy oci-archive:FILE containers-storage:NAME)`,
    );
  }
  const ctr = findProgram('ctr');
  if (!ctr) throw new ImageImportError('ctr not found: install the package containerd');
  const address = runtime.endpoint.replace(/^unix:\/\//, '');
  const args = ['--address', address, '--namespace', 'k8s.io', 'images', 'import'];
  if (options.snapshotter) args.push('--snapshotter', options.snapshotter);
  const child = spawn(ctr, [...args, '-'], { stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.resume();
  child.stderr.on('data', (bytes: Buffer) => {
    output = (output + bytes.toString()).slice(-2000);
  });
  const exited = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  // A ctr that gives up closes its input; what it says on its error output is the better message.
  child.stdin.on('error', () => {});
  const write = (bytes: Uint8Array) =>
    new Promise<void>((resolve) => {
      if (child.stdin.destroyed || child.stdin.write(bytes)) return resolve();
      const done = () => {
        child.stdin.off('drain', done);
        child.stdin.off('close', done);
        resolve();
      };
      child.stdin.on('drain', done);
      child.stdin.on('close', done);
    });

  let names: string[];
  try {
    names = await passOn(await unzipped(archive), write);
  } catch (error) {
    child.stdin.destroy();
    child.kill();
    await exited;
    throw error;
  }
  child.stdin.end();
  const code = await exited;
  if (code !== 0)
    throw new ImageImportError(`containerd refused the image archive: ${output.trim() || `ctr exited with ${code}`}`);
  await whenKnown(names, runtime, clock);
  return names;
}

/** Passes an archive on with a rewritten index; resolves with the names of its images. */
async function passOn(
  archive: AsyncIterable<Uint8Array>,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<string[]> {
  const names: string[] = [];
  let index: { manifests?: IndexEntry[] } | undefined;
  let dockerManifest: { RepoTags?: string[] | null }[] | undefined;
  await readTar(archive, {
    onMember: (member) => (['index.json', 'manifest.json'].includes(clean(member.name)) ? 'content' : 'bytes'),
    async onContent(member, content) {
      if (clean(member.name) === 'index.json') {
        index = parse(content, 'index.json') as typeof index;
      } else {
        dockerManifest = parse(content, 'manifest.json') as typeof dockerManifest;
        await write(tarMember({ name: 'manifest.json', type: 'file', content }));
      }
    },
    onBytes: write,
  });
  const tags = (dockerManifest ?? []).flatMap((image) => image.RepoTags ?? []);
  if (index) {
    index.manifests = (index.manifests ?? []).map((entry, i) => {
      const given = entry.annotations?.[containerdName] ?? imageNameOf(entry, tags[i]);
      const full = given === undefined ? undefined : fullImageName(given);
      if (!full) {
        throw new ImageImportError(
          `image ${entry.digest} in the archive has no name: pack it with a name (skopeo copy … oci-archive:FILE:NAME, docker save NAME)`,
        );
      }
      names.push(full);
      return { ...entry, annotations: { ...entry.annotations, [containerdName]: full, [ociRefName]: full } };
    });
    await write(tarMember({ name: 'index.json', type: 'file', content: Buffer.from(JSON.stringify(index)) }));
  } else {
    for (const tag of tags) names.push(fullImageName(tag) ?? tag);
  }
  if (names.length === 0) {
    throw new ImageImportError(
      'not an image archive: it has neither an index.json (OCI) nor a manifest.json with tags (docker save)',
    );
  }
  await write(tarEnd);
  return [...new Set(names)];
}

/** The reference name alone may be just a tag, when the archive is of one image whose name docker's manifest tells. */
function imageNameOf(entry: IndexEntry, dockerTag: string | undefined): string | undefined {
  const ref = entry.annotations?.[ociRefName];
  return ref?.match(/[/:]/) ? ref : (dockerTag ?? ref);
}

const clean = (name: string) => name.replace(/^\.\//, '');

function parse(content: Buffer, name: string): unknown {
  try {
    return JSON.parse(content.toString('utf8'));
  } catch {
    throw new ImageImportError(`the archive's ${name} is not JSON`);
  }
}

async function unzipped(source: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const iterator = source[Symbol.asyncIterator]();
  let start: Uint8Array = Buffer.alloc(0);
  while (start.length < 2) {
    const next = await iterator.next();
    if (next.done) throw new ImageImportError('the image archive is empty');
    start = Buffer.concat([start, next.value]);
  }
  async function* whole() {
    yield start;
    for (;;) {
      const next = await iterator.next();
      if (next.done) return;
      yield next.value;
    }
  }
  if (start[0] === 0x1f && start[1] === 0x8b) return Readable.from(whole()).pipe(createGunzip());
  return whole();
}

/** The CRI plugin learns of new images by an event, a moment after the import. */
async function whenKnown(names: readonly string[], runtime: CriRuntime, clock: Clock): Promise<void> {
  const start = clock.monotonic();
  for (const name of names) {
    while (!(await runtime.images.imageStatus({ image: { image: name } })).image) {
      if (clock.monotonic() - start > 10_000)
        throw new ImageImportError(`the runtime does not list ${name} after its import`);
      await pause(clock, 10);
    }
  }
}
