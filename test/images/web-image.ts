/** Test images made offline: the machine's static busybox, packed as an OCI archive. */
import { existsSync, readFileSync } from 'node:fs';
import { imageArchitecture, packOciArchive } from '../../src/cri/oci-image.ts';
import type { TarEntry } from '../../src/cri/tar.ts';

const applets = [
  'sh',
  'cat',
  'echo',
  'httpd',
  'sleep',
  'ls',
  'env',
  'hostname',
  'date',
  'kill',
  'nc',
  'wget',
  'nslookup',
  'ip',
  'id',
  'touch',
  'mkdir',
  'rm',
  'ps',
  'grep',
  'head',
  'test',
  'true',
  'false',
  'printf',
  'trap',
  'mount',
];

/** The files of a root that has busybox and nothing else. */
function busyboxRoot(): TarEntry[] {
  const busybox = ['/bin/busybox', '/usr/bin/busybox'].find((file) => existsSync(file));
  if (!busybox) throw new Error('busybox is not installed; install the package busybox-static');
  return [
    { name: 'bin/busybox', type: 'file', mode: 0o755, content: readFileSync(busybox) },
    ...applets.map((name): TarEntry => ({ name: `bin/${name}`, type: 'symlink', linkTarget: 'busybox' })),
    {
      name: 'etc/passwd',
      type: 'file',
      mode: 0o644,
      content: Buffer.from('root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n'),
    },
    { name: 'tmp', type: 'directory', mode: 0o1777 },
  ];
}

/**
 * A web server that answers `/` with the pod's name and its version, and `/healthz`. It stops half a second after it is
 * asked to, so that requests under way end well, as a well-behaved server does.
 */
export function packWebImage(version: string): Buffer {
  const page = `#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\n%s version ${version}\\n' "$HOSTNAME"\n`;
  const start = `#!/bin/sh
echo "serving version ${version}"
httpd -f -p 8080 -h /www &
server=$!
trap 'sleep 0.5; kill $server; exit 0' TERM
wait $server
`;
  const root: TarEntry[] = [
    ...busyboxRoot(),
    { name: 'www/cgi-bin/index.cgi', type: 'file', mode: 0o755, content: Buffer.from(page) },
    { name: 'www/healthz', type: 'file', mode: 0o644, content: Buffer.from('ok\n') },
    { name: 'start', type: 'file', mode: 0o755, content: Buffer.from(start) },
  ];
  return packOciArchive([
    {
      name: `docker.io/library/web:${version}`,
      architecture: imageArchitecture(process.arch),
      layers: [root],
      config: { Entrypoint: ['/start'], Env: ['PATH=/bin'] },
    },
  ]);
}

/** A shell to run anything in. */
export function packShellImage(name = 'docker.io/library/shell:1'): Buffer {
  return packOciArchive([
    {
      name,
      architecture: imageArchitecture(process.arch),
      layers: [busyboxRoot()],
      config: { Cmd: ['/bin/sh'], Env: ['PATH=/bin'] },
    },
  ]);
}
