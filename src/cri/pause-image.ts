/**
 * The pause image, made here: a static ELF program that holds a pod's namespaces. It blocks SIGINT, SIGTERM and SIGCHLD,
 * waits for them, reaps children (it is process 1 when a pod shares its process namespace) and ends on the other two.
 */
import { type Architecture, packOciArchive } from './oci-image.ts';

/** The image's name: its registry part is local, so that no runtime looks for it elsewhere. */
export const pauseImageName = 'localhost/timonel-pause:1';

const SIGINT = 2;
const SIGTERM = 15;
const SIGCHLD = 17;
const signalMask = (1n << BigInt(SIGINT - 1)) | (1n << BigInt(SIGTERM - 1)) | (1n << BigInt(SIGCHLD - 1));
const headerSize = 64 + 56;
const loadAddress = 0x400000n;

function maskBytes(): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(signalMask);
  return bytes;
}

/** Machine code whose jumps are resolved by labels: `code` gets the distance from its own start to the label. */
type Piece = { readonly label: string } | { readonly size: number; code(offsets: (label: string) => number): number[] };

function assemble(pieces: readonly Piece[]): Buffer {
  const labels = new Map<string, number>();
  let at = 0;
  for (const piece of pieces) {
    if ('label' in piece) labels.set(piece.label, at);
    else at += piece.size;
  }
  const out: number[] = [];
  for (const piece of pieces) {
    if ('label' in piece) continue;
    const here = out.length;
    out.push(...piece.code((label) => labels.get(label)! - here));
  }
  return Buffer.from(out);
}

function amd64Code(): Buffer {
  const raw = (...bytes: number[]): Piece => ({ size: bytes.length, code: () => bytes });
  const word = (value: number) => [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, (value >> 24) & 0xff];
  const ripRelative = (modrm: number): Piece => ({
    size: 7,
    code: (to) => [0x48, 0x8d, modrm, ...word(to('mask') - 7)],
  });
  const shortJump = (opcode: number, label: string): Piece => ({
    size: 2,
    code: (to) => [opcode, (to(label) - 2) & 0xff],
  });
  const syscall = (number: number) => raw(0xb8, ...word(number), 0x0f, 0x05);
  const compareEax = (value: number) => raw(0x83, 0xf8, value);
  const setSize = raw(0x41, 0xba, 8, 0, 0, 0);
  const je = 0x74;
  const jne = 0x75;
  const jg = 0x7f;
  const jmp = 0xeb;
  return assemble([
    raw(0x31, 0xff), // edi = SIG_BLOCK
    ripRelative(0x35), // rsi = &mask
    raw(0x31, 0xd2), // edx = 0
    setSize,
    syscall(14), // rt_sigprocmask
    { label: 'wait' },
    ripRelative(0x3d), // rdi = &mask
    raw(0x31, 0xf6, 0x31, 0xd2), // esi = edx = 0
    setSize,
    syscall(128), // rt_sigtimedwait
    compareEax(SIGCHLD),
    shortJump(je, 'reap'),
    compareEax(SIGINT),
    shortJump(je, 'exit'),
    compareEax(SIGTERM),
    shortJump(jne, 'wait'),
    { label: 'exit' },
    raw(0x31, 0xff),
    syscall(60), // exit
    { label: 'reap' },
    raw(0xbf, 0xff, 0xff, 0xff, 0xff), // edi = -1
    raw(0x31, 0xf6), // esi = 0
    raw(0xba, 1, 0, 0, 0), // edx = WNOHANG
    raw(0x45, 0x31, 0xd2), // r10d = 0
    syscall(61), // wait4
    raw(0x85, 0xc0),
    shortJump(jg, 'reap'),
    shortJump(jmp, 'wait'),
    { label: 'mask' },
    raw(...maskBytes()),
  ]);
}

function arm64Code(): Buffer {
  const instruction = (encode: (to: (label: string) => number) => number): Piece => ({
    size: 4,
    code(to) {
      const word = Buffer.alloc(4);
      word.writeUInt32LE(encode(to) >>> 0);
      return [...word];
    },
  });
  const movz = (register: number, value: number) => instruction(() => 0xd2800000 | (value << 5) | register);
  const minusOne = (register: number) => instruction(() => 0x92800000 | register);
  const addressOfMask = (register: number) =>
    instruction((to) => {
      const distance = to('mask');
      return 0x10000000 | ((distance & 3) << 29) | (((distance >> 2) & 0x7ffff) << 5) | register;
    });
  const supervisorCall = instruction(() => 0xd4000001);
  const compareX0 = (value: number) => instruction(() => 0xf100001f | (value << 10));
  const branchIf = (condition: number, label: string) =>
    instruction((to) => 0x54000000 | (((to(label) >> 2) & 0x7ffff) << 5) | condition);
  const branch = (label: string) => instruction((to) => 0x14000000 | ((to(label) >> 2) & 0x3ffffff));
  const syscall = (number: number): Piece[] => [movz(8, number), supervisorCall];
  const equal = 0;
  const notEqual = 1;
  const greater = 12;
  return assemble([
    movz(0, 0),
    addressOfMask(1),
    movz(2, 0),
    movz(3, 8),
    ...syscall(135), // rt_sigprocmask
    { label: 'wait' },
    addressOfMask(0),
    movz(1, 0),
    movz(2, 0),
    movz(3, 8),
    ...syscall(137), // rt_sigtimedwait
    compareX0(SIGCHLD),
    branchIf(equal, 'reap'),
    compareX0(SIGINT),
    branchIf(equal, 'exit'),
    compareX0(SIGTERM),
    branchIf(notEqual, 'wait'),
    { label: 'exit' },
    movz(0, 0),
    ...syscall(93), // exit
    { label: 'reap' },
    minusOne(0),
    movz(1, 0),
    movz(2, 1),
    movz(3, 0),
    ...syscall(260), // wait4
    compareX0(0),
    branchIf(greater, 'reap'),
    branch('wait'),
    { label: 'mask' },
    { size: 8, code: () => [...maskBytes()] },
  ]);
}

/** The pause program for an architecture; throws for one that it has not been written for. */
export function pauseProgram(architecture: Architecture): Buffer {
  const machine = { amd64: 62, arm64: 183 }[architecture as string];
  if (machine === undefined) {
    throw new Error(`no pause program for architecture ${architecture}: use amd64 or arm64, or a runtime of your own`);
  }
  const code = architecture === 'amd64' ? amd64Code() : arm64Code();
  const head = Buffer.alloc(headerSize);
  head.write('\x7fELF', 'latin1');
  head.set([2, 1, 1], 4); // 64 bits, little endian, version 1
  head.writeUInt16LE(2, 16); // executable
  head.writeUInt16LE(machine, 18);
  head.writeUInt32LE(1, 20);
  head.writeBigUInt64LE(loadAddress + BigInt(headerSize), 24); // entry
  head.writeBigUInt64LE(64n, 32); // program headers
  head.writeUInt16LE(64, 52);
  head.writeUInt16LE(56, 54);
  head.writeUInt16LE(1, 56);
  const size = BigInt(headerSize + code.length);
  head.writeUInt32LE(1, 64); // load
  head.writeUInt32LE(5, 68); // read, execute
  head.writeBigUInt64LE(loadAddress, 80);
  head.writeBigUInt64LE(loadAddress, 88);
  head.writeBigUInt64LE(size, 96);
  head.writeBigUInt64LE(size, 104);
  head.writeBigUInt64LE(0x10000n, 112);
  return Buffer.concat([head, code]);
}

/** The archive of the pause image. */
export function packPauseImage(architecture: Architecture): Buffer {
  return packOciArchive([
    {
      name: pauseImageName,
      architecture,
      config: { Entrypoint: ['/pause'] },
      layers: [[{ name: 'pause', type: 'file', mode: 0o755, content: pauseProgram(architecture) }]],
    },
  ]);
}
