/** Building nft transactions: typed statements in the order they are applied, elements gathered per set. */

/** A table; Timonel's are of the family `inet`, so that IPv4 and IPv6 share one. */
export interface TableRef {
  readonly family: 'inet' | 'ip' | 'ip6' | 'netdev';
  readonly name: string;
}

/** Where a base chain is hooked in. */
export interface ChainHook {
  readonly type: 'nat' | 'filter' | 'route';
  readonly hook: 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';
  /** Lower runs earlier; 0 is filter, -100 destination NAT, 100 source NAT. */
  readonly priority: number;
}

/** A set, or a map where `data` is given. Types are nft's (`ipv4_addr . inet_service`) or, with `byExpression`, expressions. */
export interface SetSpec {
  readonly name: string;
  readonly key: string;
  readonly data?: string;
  /** `key` and `data` are expressions (`typeof`), needed where a component has no named type. */
  readonly byExpression?: boolean;
  readonly flags?: readonly ('dynamic' | 'interval' | 'timeout' | 'constant')[];
  /** Upper bound of elements; needed for those that packets fill. */
  readonly size?: number;
  readonly timeoutSeconds?: number;
}

/** Where an element goes: into a set, or into a map with data. */
export interface ElementRef {
  readonly set: string;
  readonly key: string;
  readonly data?: string;
}

/** The name of a cluster's table, unique on the machine. */
export function clusterTable(clusterName: string): TableRef {
  return { family: 'inet', name: `timonel-${clusterName}` };
}

/** Elements of one statement: nft parses long lists well, but a line of megabytes makes its errors unreadable. */
const elementsPerStatement = 2000;

/** An atomic change of one table. Statements apply in the order in which they were added. */
export class Transaction {
  readonly #table: string;
  readonly #lines: string[] = [];
  #open: { verb: 'add' | 'delete'; set: string; elements: string[] } | undefined;

  constructor(table: TableRef) {
    this.#table = `${table.family} ${table.name}`;
  }

  /** Whether nothing was added. */
  get empty(): boolean {
    return this.#lines.length === 0 && this.#open === undefined;
  }

  addTable(): this {
    return this.#line(`add table ${this.#table}`);
  }

  /** Deletes the table with all it holds; it is no error when there is none. */
  deleteTable(): this {
    return this.addTable().#line(`delete table ${this.#table}`);
  }

  addChain(name: string, hook?: ChainHook): this {
    const spec = hook ? ` { type ${hook.type} hook ${hook.hook} priority ${hook.priority}; policy accept; }` : '';
    return this.#line(`add chain ${this.#table} ${name}${spec}`);
  }

  /** Removes the rules of a chain. */
  flushChain(name: string): this {
    return this.#line(`flush chain ${this.#table} ${name}`);
  }

  deleteChain(name: string): this {
    return this.#line(`delete chain ${this.#table} ${name}`);
  }

  /** A chain with exactly these rules, whether it existed or not. */
  setChain(name: string, rules: readonly string[], hook?: ChainHook): this {
    this.addChain(name, hook).flushChain(name);
    for (const rule of rules) this.addRule(name, rule);
    return this;
  }

  addRule(chain: string, rule: string): this {
    return this.#line(`add rule ${this.#table} ${chain} ${rule}`);
  }

  addSet(spec: SetSpec): this {
    const word = spec.byExpression ? 'typeof' : 'type';
    const parts = [`${word} ${spec.key}${spec.data === undefined ? '' : ` : ${spec.data}`};`];
    if (spec.flags?.length) parts.push(`flags ${spec.flags.join(',')};`);
    if (spec.size !== undefined) parts.push(`size ${spec.size};`);
    if (spec.timeoutSeconds !== undefined) parts.push(`timeout ${spec.timeoutSeconds}s;`);
    return this.#line(
      `add ${spec.data === undefined ? 'set' : 'map'} ${this.#table} ${spec.name} { ${parts.join(' ')} }`,
    );
  }

  flushSet(spec: Pick<SetSpec, 'name' | 'data'>): this {
    return this.#line(`flush ${spec.data === undefined ? 'set' : 'map'} ${this.#table} ${spec.name}`);
  }

  deleteSet(spec: Pick<SetSpec, 'name' | 'data'>): this {
    return this.#line(`delete ${spec.data === undefined ? 'set' : 'map'} ${this.#table} ${spec.name}`);
  }

  addElement({ set, key, data }: ElementRef): this {
    return this.#element('add', set, data === undefined ? key : `${key} : ${data}`);
  }

  deleteElement({ set, key }: Pick<ElementRef, 'set' | 'key'>): this {
    return this.#element('delete', set, key);
  }

  /** The script for nft. */
  toString(): string {
    this.#close();
    return this.#lines.length === 0 ? '' : `${this.#lines.join('\n')}\n`;
  }

  #element(verb: 'add' | 'delete', set: string, element: string): this {
    if (this.#open?.verb !== verb || this.#open.set !== set || this.#open.elements.length >= elementsPerStatement) {
      this.#close();
      this.#open = { verb, set, elements: [] };
    }
    this.#open.elements.push(element);
    return this;
  }

  #line(text: string): this {
    this.#close();
    this.#lines.push(text);
    return this;
  }

  #close(): void {
    if (!this.#open) return;
    const { verb, set, elements } = this.#open;
    this.#lines.push(`${verb} element ${this.#table} ${set} { ${elements.join(', ')} }`);
    this.#open = undefined;
  }
}
