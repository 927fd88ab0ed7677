/** Making OCI image archives in memory: what `timonel image import` and `ctr image import` take. */
import { createHash } from 'node:crypto';
import { packTar, type TarEntry } from './tar.ts';

/** CPU architectures by the names that images use. */
export type Architecture = 'amd64' | 'arm64' | (string & {});

export interface ImageContents {
  /** Full name with registry and tag. */
  readonly name: string;
  readonly architecture: Architecture;
  /** Layers from the lowest up. */
  readonly layers: readonly (readonly TarEntry[])[];
  /** The image's runtime configuration, with Docker's field names. */
  readonly config: {
    readonly Entrypoint?: readonly string[];
    readonly Cmd?: readonly string[];
    readonly Env?: readonly string[];
    readonly User?: string;
    readonly WorkingDir?: string;
    readonly ExposedPorts?: Readonly<Record<string, object>>;
    readonly Labels?: Readonly<Record<string, string>>;
    readonly StopSignal?: string;
    readonly Volumes?: Readonly<Record<string, object>>;
  };
}

interface Blob {
  readonly digest: string;
  readonly bytes: Buffer;
}

function blob(bytes: Buffer): Blob {
  return { digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`, bytes };
}

const jsonBlob = (value: unknown) => blob(Buffer.from(JSON.stringify(value)));

/** An archive in the OCI image layout with one or more images. */
export function packOciArchive(images: readonly ImageContents[]): Buffer {
  const blobs = new Map<string, Blob>();
  const keep = (b: Blob) => {
    blobs.set(b.digest, b);
    return b;
  };
  const manifests = images.map((image) => {
    const layers = image.layers.map((entries) => keep(blob(packTar(entries))));
    const config = keep(
      jsonBlob({
        architecture: image.architecture,
        os: 'linux',
        config: image.config,
        rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.digest) },
        history: layers.map(() => ({ created_by: 'timonel' })),
      }),
    );
    const manifest = keep(
      jsonBlob({
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        config: {
          mediaType: 'application/vnd.oci.image.config.v1+json',
          digest: config.digest,
          size: config.bytes.length,
        },
        layers: layers.map((layer) => ({
          mediaType: 'application/vnd.oci.image.layer.v1.tar',
          digest: layer.digest,
          size: layer.bytes.length,
        })),
      }),
    );
    return {
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      digest: manifest.digest,
      size: manifest.bytes.length,
      platform: { architecture: image.architecture, os: 'linux' },
      annotations: { 'io.containerd.image.name': image.name, 'org.opencontainers.image.ref.name': image.name },
    };
  });
  const file = (name: string, content: Buffer): TarEntry => ({ name, type: 'file', content });
  return packTar([
    file('oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}')),
    file(
      'index.json',
      Buffer.from(
        JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests }),
      ),
    ),
    ...[...blobs.values()].map((b) => file(`blobs/sha256/${b.digest.slice(7)}`, b.bytes)),
  ]);
}

/** The machine's architecture by the name that images use. */
export function imageArchitecture(arch: string): Architecture {
  return ({ x64: 'amd64', ia32: '386' } as Record<string, string>)[arch] ?? arch;
}
