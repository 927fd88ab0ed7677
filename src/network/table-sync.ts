/** Keeps one nft table as wanted: few, coalesced, atomic transactions, and a rebuild when the kernel's state is not what we think. */
import { type BackoffPolicy, backoffDelay } from '../base/backoff.ts';
import type { Clock, Timer } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import { ElementLedger } from '../nft/element-ledger.ts';
import type { NftRunner } from '../nft/nft-runner.ts';
import { type TableRef, Transaction } from '../nft/transaction.ts';

export interface TableSyncOptions {
  readonly table: TableRef;
  readonly nft: NftRunner;
  readonly clock: Clock;
  readonly log: Logger;
  /** Adds table, sets and fixed chains to a transaction and empties the sets that the ledger fills. */
  writeBase(transaction: Transaction): void;
  /** Brings the ledger up to date with everything that changed since the last call; runs just before each transaction. */
  collect(): void;
  /** A base chain that must have rules: found empty or gone, the table was flushed by someone and is built again. */
  readonly canaryChain: string;
  /** A rebuild deletes the table first, in the same transaction: for tables whose sets and chains come and go. */
  readonly replace?: boolean;
  /** How long changes are gathered after the first one; 2 ms by default. */
  readonly coalesceMs?: number;
  /** How often it is checked that nobody flushed the table; 30 s by default. */
  readonly checkMs?: number;
}

const retries: BackoffPolicy = { initialMs: 200, maxMs: 30_000 };

/** The life of one table. Nothing is written before {@link start}. */
export class TableSync {
  readonly ledger = new ElementLedger();
  readonly #options: TableSyncOptions;
  /** Chains made as elements need them, with their rules. */
  readonly #chains = new Map<string, readonly string[]>();
  #newChains: string[] = [];
  #timer: Timer | undefined;
  #checker: Timer | undefined;
  #running: Promise<void> | undefined;
  #started = false;
  #stopped = false;
  #rebuild = true;
  #dirty = false;
  #failures = 0;
  #waiters: { resolve(): void }[] = [];

  constructor(options: TableSyncOptions) {
    this.#options = options;
  }

  /** A chain that elements lead to; made with the next transaction unless it is there already. */
  requireChain(name: string, rules: () => readonly string[]): void {
    if (this.#chains.has(name)) return;
    this.#chains.set(name, rules());
    this.#newChains.push(name);
  }

  /** The structure changed: the next transaction builds the whole table again. */
  rebuild(): void {
    this.#rebuild = true;
  }

  /** Builds the table and resolves when it is in the kernel; rejects where the first attempt fails. */
  async start(): Promise<void> {
    this.#started = true;
    const { clock, checkMs = 30_000 } = this.#options;
    await this.#run();
    this.#checker = clock.every(checkMs, () => void this.#check());
  }

  /** Something changed: write it soon. */
  schedule(): void {
    this.#dirty = true;
    if (!this.#started || this.#stopped || this.#timer || this.#running) return;
    const { clock, coalesceMs = 2 } = this.#options;
    this.#timer = clock.after(coalesceMs, () => this.#fire());
  }

  /** Resolves when everything scheduled so far is in the kernel. */
  whenApplied(): Promise<void> {
    if (!this.#dirty && !this.#running) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ resolve }));
  }

  /** Stops writing; `remove` also deletes the table. */
  async stop(options: { remove?: boolean } = {}): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#checker?.cancel();
    await this.#running?.catch(() => {});
    if (options.remove) await this.#options.nft.apply(new Transaction(this.#options.table).deleteTable().toString());
    for (const waiter of this.#waiters.splice(0)) waiter.resolve();
  }

  #fire(): void {
    this.#timer = undefined;
    this.#run().catch((error) => {
      this.#options.log.error('packet rules could not be applied; trying again', {
        table: this.#options.table.name,
        error,
      });
    });
  }

  async #run(): Promise<void> {
    this.#running = this.#apply();
    try {
      await this.#running;
      this.#failures = 0;
    } catch (error) {
      this.#rebuild = true;
      this.#dirty = true;
      const delay = backoffDelay(retries, this.#failures++);
      if (!this.#stopped) this.#timer = this.#options.clock.after(delay, () => this.#fire());
      throw error;
    } finally {
      this.#running = undefined;
    }
    if (this.#dirty) this.schedule();
    else for (const waiter of this.#waiters.splice(0)) waiter.resolve();
  }

  async #apply(): Promise<void> {
    // So that whoever asks in collect whether all is applied is told that it is not.
    await Promise.resolve();
    this.#dirty = false;
    this.#options.collect();
    if (!this.#rebuild) {
      const transaction = new Transaction(this.#options.table);
      this.#writeChains(transaction, this.#newChains);
      this.#newChains = [];
      this.ledger.write(transaction);
      if (transaction.empty) return;
      try {
        return await this.#options.nft.apply(transaction.toString());
      } catch (error) {
        this.#options.log.warn('a change of packet rules failed; building the table again', {
          table: this.#options.table.name,
          error,
        });
      }
    }
    this.#rebuild = false;
    await this.#applyAll();
  }

  async #applyAll(): Promise<void> {
    const { nft, table, log } = this.#options;
    const script = (transaction: Transaction) => {
      this.#options.writeBase(transaction);
      this.#writeChains(transaction, this.#chains.keys());
      this.ledger.writeAll(transaction);
      return transaction.toString();
    };
    this.#newChains = [];
    if (this.#options.replace) return nft.apply(script(new Transaction(table).deleteTable()));
    try {
      await nft.apply(script(new Transaction(table)));
    } catch (error) {
      // What another version left may have sets of other types: then the table is replaced, still in one transaction.
      if ((error as { code?: string }).code !== 'failed') throw error;
      log.info('replacing the table that an earlier run left', { table: table.name });
      await nft.apply(script(new Transaction(table).deleteTable()));
    }
  }

  #writeChains(transaction: Transaction, names: Iterable<string>): void {
    const all = [...new Set(names)];
    for (const name of all) transaction.addChain(name);
    for (const name of all) transaction.setChain(name, this.#chains.get(name)!);
  }

  async #check(): Promise<void> {
    if (this.#running || this.#stopped) return;
    const { nft, table, canaryChain, log } = this.#options;
    try {
      const objects = await nft.list(['list', 'chain', table.family, table.name, canaryChain]);
      if (objects.some((object) => object['rule']) || this.#stopped) return;
      log.warn('the packet rules were removed by someone else; building them again', { table: table.name });
      this.#rebuild = true;
      this.schedule();
    } catch (error) {
      log.warn('the packet rules could not be checked', { table: table.name, error });
    }
  }
}
