/** One priority level: its seats, and the requests that wait for them in one queue a flow, which take turns. */

/** A request that waits for its seats. */
export interface Waiting {
  readonly seats: number;
  start(): void;
}

export class FlowLevel {
  /** Seats that may be taken at once. */
  limit = 1;
  /** Requests of one flow that may wait; 0 refuses what cannot run at once. */
  queueLength = 0;
  exempt = false;
  uid = '';
  /** Requests that run, and the seats that they have. */
  running = 0;
  seats = 0;
  waiting = 0;
  readonly #queues = new Map<string, Waiting[]>();

  /** Takes the seats, or a place in the flow's queue. More seats than there are, are all of them. */
  enter(flow: string, waiting: Waiting): 'run' | 'wait' | 'refuse' {
    if (this.exempt || (this.waiting === 0 && this.#fits(waiting))) {
      this.#take(waiting);
      return 'run';
    }
    const queue = this.#queues.get(flow) ?? [];
    if (queue.length >= this.queueLength) return 'refuse';
    queue.push(waiting);
    this.#queues.set(flow, queue);
    this.waiting++;
    return 'wait';
  }

  /** Gives the seats of a request back, and lets those run whose turn it is and who now fit. */
  leave(done: Waiting): void {
    this.running--;
    this.seats -= done.seats;
    for (const [flow, queue] of this.#queues) {
      const next = queue[0]!;
      if (!this.#fits(next)) return;
      // The flow whose turn it was goes to the end of the line.
      this.#queues.delete(flow);
      queue.shift();
      if (queue.length) this.#queues.set(flow, queue);
      this.waiting--;
      this.#take(next);
      next.start();
    }
  }

  /** False when it waits no longer. */
  abandon(flow: string, waiting: Waiting): boolean {
    const queue = this.#queues.get(flow);
    const at = queue?.indexOf(waiting) ?? -1;
    if (!queue || at < 0) return false;
    queue.splice(at, 1);
    if (queue.length === 0) this.#queues.delete(flow);
    this.waiting--;
    return true;
  }

  #fits({ seats }: Waiting): boolean {
    return this.seats === 0 || this.seats + seats <= this.limit;
  }

  #take({ seats }: Waiting): void {
    this.running++;
    this.seats += seats;
  }
}
