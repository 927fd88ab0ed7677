/** Images on a real node: imported from archives of all kinds, pulled with and without credentials, collected. */
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Pod } from '../../src/api/core/pod.ts';
import { Secret } from '../../src/api/core/secret.ts';
import { packTar, readTar } from '../../src/cri/tar.ts';
import { packShellImage } from '../images/web-image.ts';
import { firstState, missingForRealNode, type NodeLab, script, startNodeLab } from './node-lab.ts';
import { startRegistry, type TestRegistry } from './registry.ts';

const missing = missingForRealNode();
const login = 'me:secret';

async function* once(bytes: Uint8Array) {
  yield bytes;
}

/** An archive as `docker save` writes it, from one in the OCI layout. */
async function asDockerArchive(archive: Uint8Array, tag: string): Promise<Buffer> {
  const files = new Map<string, Buffer>();
  await readTar(once(archive), {
    onMember: () => 'content',
    onContent: (member, content) => void files.set(member.name, content),
  });
  const manifestOf = (digest: string) => files.get(`blobs/sha256/${digest.slice(7)}`)!;
  const index = JSON.parse(files.get('index.json')!.toString());
  const manifest = JSON.parse(manifestOf(index.manifests[0].digest).toString());
  const layers = manifest.layers.map((layer: { digest: string }, i: number) => ({
    name: `${i}/layer.tar`,
    content: manifestOf(layer.digest),
  }));
  const config = { name: 'config.json', content: manifestOf(manifest.config.digest) };
  const list = [{ Config: config.name, RepoTags: [tag], Layers: layers.map(({ name }: { name: string }) => name) }];
  return packTar([
    ...[config, ...layers].map((file) => ({ ...file, type: 'file' as const })),
    { name: 'manifest.json', type: 'file', content: Buffer.from(JSON.stringify(list)) },
  ]);
}

describe.skipIf(missing)(`images${missing ? ` (${missing})` : ''}`, () => {
  let lab: NodeLab;
  let registry: TestRegistry;
  beforeAll(async () => {
    [lab, registry] = await Promise.all([
      startNodeLab(),
      startRegistry(packShellImage('docker.io/library/remote:1'), login),
    ]);
  });
  afterAll(async () => {
    await registry?.close();
    await lab?.close();
  });
  const runs = async (name: string, spec: object, image: string) => {
    await lab.run(name, {
      restartPolicy: 'Never',
      containers: [{ name: 'main', image, command: script('echo ok > /dev/termination-log') }],
      ...spec,
    });
    const pod = await lab.until(name, ({ status }) => status.phase === 'Succeeded');
    expect(firstState(pod)?.terminated?.message).toBe('ok\n');
    await lab.client.delete(Pod, { namespace: 'default', name });
  };

  it('are imported from OCI archives, also gzipped, by the names that Kubernetes uses', async () => {
    expect(await lab.containerd.importImages(once(gzipSync(packShellImage('zipped:2'))))).toEqual([
      'docker.io/library/zipped:2',
    ]);
    await runs('zipped', {}, 'zipped:2');
  });

  it('are imported from docker archives', async () => {
    const archive = await asDockerArchive(packShellImage(), 'saved:3');
    expect(await lab.containerd.importImages(once(archive))).toEqual(['docker.io/library/saved:3']);
    await runs('saved', {}, 'saved:3');
  });

  it.each([
    ['nothing', Buffer.alloc(0), /empty/],
    ['noise', Buffer.from('this is no archive at all'.repeat(100)), /not a tar archive|not an image archive/],
    [
      'an archive without images',
      packTar([{ name: 'x', type: 'file', content: Buffer.from('x') }]),
      /not an image archive/,
    ],
    ['half an archive', packShellImage().subarray(0, 100_000), /cut off/],
  ])('are not imported from %s', async (_, bytes, message) => {
    await expect(lab.containerd.importImages(once(bytes))).rejects.toThrow(message);
  });

  it('are pulled with the credentials of a pull secret, and not without', async () => {
    const image = `${registry.host}/remote:1`;
    await lab.run('anonymous', {
      restartPolicy: 'Never',
      containers: [{ name: 'main', image, command: script('true') }],
    });
    const refused = await lab.until('anonymous', (p) => firstState(p)?.waiting?.reason === 'ImagePullBackOff');
    expect(firstState(refused)?.waiting?.message).toMatch(/^Back-off pulling image/);
    await lab.client.delete(Pod, { namespace: 'default', name: 'anonymous' });
    const [username, password] = login.split(':');
    await lab.client.create(Secret, {
      metadata: { name: 'registry', namespace: 'default' },
      type: 'kubernetes.io/dockerconfigjson',
      data: {
        '.dockerconfigjson': Buffer.from(
          JSON.stringify({ auths: { [registry.host]: { username, password } } }),
        ).toString('base64'),
      },
    });
    await runs('known', { imagePullSecrets: [{ name: 'registry' }] }, image);
    await expect
      .poll(() => lab.events('known'))
      .toContainEqual(expect.stringMatching(/^Normal Pulled: Successfully pulled image/));
  });

  it('that are not in the registry leave a reason', async () => {
    const image = `${registry.host}/absent:1`;
    await lab.run('absent', {
      imagePullSecrets: [{ name: 'registry' }],
      containers: [{ name: 'main', image, command: script('true') }],
    });
    await lab.until('absent', (p) => firstState(p)?.waiting?.reason === 'ImagePullBackOff');
    await expect
      .poll(() => lab.events('absent'))
      .toEqual(
        expect.arrayContaining([
          expect.stringMatching(/^Warning Failed: Failed to pull image .*not found/),
          'Warning Failed: Error: ErrImagePull',
        ]),
      );
    await lab.client.delete(Pod, { namespace: 'default', name: 'absent' });
  });
});
