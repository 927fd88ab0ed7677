/** Running nft: one process per transaction, about 8 ms with 90,000 elements in the kernel; no state is kept between two. */
import { spawn } from 'node:child_process';

/** Why nft could not do what it was asked to. */
export class NftError extends Error {
  override readonly name = 'NftError';
  /** `missing`: the program is not installed; `denied`: not privileged; `failed`: the kernel or nft refused the transaction. */
  readonly code: 'missing' | 'denied' | 'failed';
  /** What nft wrote to standard error, at most a few lines. */
  readonly output: string;

  constructor(code: NftError['code'], message: string, output = '') {
    super(message);
    this.code = code;
    this.output = output;
  }
}

/** The physical edge to nftables. Tests record transactions with {@link RecordingNft}. */
export interface NftRunner {
  /** Applies a script atomically: all of it or none. Rejects with {@link NftError}. */
  apply(script: string): Promise<void>;
  /** The objects of `nft -j ARGS` (`list`, `map`, …); an empty list where what was asked for does not exist. */
  list(args: readonly string[]): Promise<readonly NftObject[]>;
}

/** One object of nft's JSON output: `{ map: {…} }`, `{ table: {…} }`. */
export type NftObject = Readonly<Record<string, NftRecord>>;
export type NftRecord = Readonly<Record<string, unknown>>;

/** The result of a program that ran to its end. */
export interface ProgramResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program with an optional standard input; rejects only where it could not be started. */
export type RunProgram = (command: string, args: readonly string[], input?: string) => Promise<ProgramResult>;

/** Runs programs of this machine, in the network namespace `netns` where one is given. */
export function programRunner(options: { netns?: string } = {}): RunProgram {
  return (command, args, input) => {
    const [program, argv] = options.netns
      ? ['ip', ['netns', 'exec', options.netns, command, ...args]]
      : [command, [...args]];
    return new Promise((resolve, reject) => {
      const child = spawn(program, argv, { stdio: ['pipe', 'pipe', 'pipe'] });
      let stdout = '';
      let stderr = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout += text;
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        stderr += text;
      });
      child.on('error', reject);
      child.on('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
      // A program that ends before it has read its input says why on standard error; the broken pipe adds nothing.
      child.stdin.on('error', () => {});
      child.stdin.end(input ?? '');
    });
  };
}

const install = 'install it (Debian, Ubuntu: apt-get install nftables; Fedora: dnf install nftables)';

/** An nft that runs the machine's `nft` program. */
export function createNftRunner(options: { run?: RunProgram } = {}): NftRunner {
  const run = options.run ?? programRunner();
  const runNft = async (args: readonly string[], input?: string) => {
    try {
      return await run('nft', args, input);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT')
        throw new NftError('missing', `nft was not found, without it there are no Services: ${install}`);
      throw error;
    }
  };
  const fail = (doing: string, stderr: string): never => {
    const output = stderr.split('\n').slice(0, 6).join('\n').trim();
    if (/Operation not permitted/.test(stderr))
      throw new NftError('denied', `nft is not allowed to ${doing}: run as root, or give CAP_NET_ADMIN`, output);
    throw new NftError('failed', `nft could not ${doing}: ${output}`, output);
  };
  return {
    async apply(script) {
      if (script === '') return;
      const { code, stderr } = await runNft(['-f', '-'], script);
      if (code !== 0) fail('apply a transaction', stderr);
    },
    async list(args) {
      const { code, stdout, stderr } = await runNft(['-j', ...args]);
      if (code !== 0) return /No such file or directory/.test(stderr) ? [] : fail(args.join(' '), stderr);
      return (JSON.parse(stdout) as { nftables: NftObject[] }).nftables;
    },
  };
}

/** Keeps the transactions instead of applying them: for tests and for machines whose nodes are simulated. */
export class RecordingNft implements NftRunner {
  readonly applied: string[] = [];
  /** Thrown by the next apply. */
  failure: Error | undefined;
  /** Answers of list, by its arguments joined with spaces. */
  readonly answers = new Map<string, readonly NftObject[]>();

  async apply(script: string): Promise<void> {
    const failure = this.failure;
    this.failure = undefined;
    if (failure) throw failure;
    if (script !== '') this.applied.push(script);
  }

  async list(args: readonly string[]): Promise<readonly NftObject[]> {
    return this.answers.get(args.join(' ')) ?? [];
  }
}
