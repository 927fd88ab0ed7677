import { Worker } from 'node:worker_threads';
import type { Logger } from '../base/log.ts';
import type { SqliteRequest, SqliteWorkerData, WorkerReply } from './sqlite-protocol.ts';
import { StoreError } from './store.ts';

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: StoreError) => void;
}

/** The worker that has the database: requests to it and their replies. It keeps the process alive while one is under way. */
export class SqliteThread {
  /** What the database says of itself once it is open; rejects where it cannot be opened. */
  readonly opened: Promise<unknown>;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #ended: StoreError | undefined;
  /** Called once when no request can succeed any more. */
  onFailed: (error: StoreError) => void = () => {};

  constructor(workerData: SqliteWorkerData, log: Logger) {
    // Under type stripping this file is sqlite-thread.ts, in the published package sqlite-thread.js.
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const worker = new Worker(new URL(`./sqlite-worker.${extension}`, import.meta.url), {
      workerData,
      name: 'store',
      execArgv: ['--disable-warning=ExperimentalWarning'],
    });
    this.#worker = worker;
    this.opened = new Promise((resolve, reject) => this.#waiting.set(0, { resolve, reject }));
    worker.on('message', (reply: WorkerReply) => this.#onReply(reply));
    worker.on('error', (error) => {
      log.error('the thread of the store failed', { error });
      this.#end(
        new StoreError('unknown-outcome', `the thread of the store failed: ${error.message}`, { cause: error }),
      );
    });
    worker.on('exit', () => this.#end(new StoreError('unknown-outcome', 'the thread of the store ended')));
  }

  /** Rejects with a StoreError. */
  ask<R>(request: SqliteRequest, transfer?: readonly ArrayBuffer[]): Promise<R> {
    return new Promise((resolve, reject) =>
      this.post(request, { resolve: resolve as Waiting['resolve'], reject }, transfer),
    );
  }

  /** Like {@link ask}; the reply is handled in the very turn in which it comes. */
  post(request: SqliteRequest, waiting: Waiting, transfer: readonly ArrayBuffer[] = []): void {
    if (this.#ended) {
      waiting.reject(this.#ended);
      return;
    }
    const id = this.#nextId++;
    if (this.#waiting.size === 0) this.#worker.ref();
    this.#waiting.set(id, waiting);
    this.#worker.postMessage({ id, request }, transfer);
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #onReply(reply: WorkerReply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (this.#waiting.size === 0) this.#worker.unref();
    if (reply.ok) {
      waiting?.resolve(reply.result);
      return;
    }
    const { code, message, fatal } = reply.error;
    const error = new StoreError(code, message);
    waiting?.reject(error);
    if (fatal) this.onFailed(error);
  }

  #end(error: StoreError): void {
    this.#ended ??= error;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
    this.onFailed(error);
  }
}
