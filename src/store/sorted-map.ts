/**
 * A sorted map with O(1) immutable snapshots: a B-tree whose nodes are shared between the live map and its snapshots.
 * A node is changed in place only while the live map alone owns it (its `owner` is the map's current token); taking a
 * snapshot takes a new token, so that later changes copy the nodes on their path. Branches know how many items lie
 * below, so that counting a range needs no scan. Keys are ordered by UTF-16 code unit.
 */

const maxItems = 32;
const minItems = maxItems / 4;

interface Keyed {
  readonly key: string;
}

interface Leaf<V extends Keyed> {
  readonly leaf: true;
  readonly owner: object;
  readonly items: V[];
}

interface Branch<V extends Keyed> {
  readonly leaf: false;
  readonly owner: object;
  /** The least key of each child. */
  readonly keys: string[];
  readonly children: Node<V>[];
  size: number;
}

type Node<V extends Keyed> = Leaf<V> | Branch<V>;

const sizeOf = <V extends Keyed>(node: Node<V>): number => (node.leaf ? node.items.length : node.size);

/** Index of the first item whose key is not less than `key`. */
function lowerBound<V extends Keyed>(items: readonly V[], key: string): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (items[middle]!.key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the child that holds `key`, or would. */
function childIndex(keys: readonly string[], key: string): number {
  let low = 1;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! <= key) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function find<V extends Keyed>(root: Node<V>, key: string): V | undefined {
  let node = root;
  while (!node.leaf) node = node.children[childIndex(node.keys, key)]!;
  const item = node.items[lowerBound(node.items, key)];
  return item?.key === key ? item : undefined;
}

/** How many items have a key less than `key`. */
function rank<V extends Keyed>(root: Node<V>, key: string): number {
  let node = root;
  let before = 0;
  while (!node.leaf) {
    const at = childIndex(node.keys, key);
    for (let i = 0; i < at; i++) before += sizeOf(node.children[i]!);
    node = node.children[at]!;
  }
  return before + lowerBound(node.items, key);
}

/** The least key that is greater than every key with this prefix; undefined when there is none. */
function prefixEnd(prefix: string): string | undefined {
  for (let at = prefix.length - 1; at >= 0; at--) {
    const code = prefix.charCodeAt(at);
    if (code < 0xffff) return prefix.slice(0, at) + String.fromCharCode(code + 1);
  }
  return undefined;
}

/** An immutable state of a {@link SortedMap}. */
export class SortedView<V extends Keyed> {
  readonly #root: Node<V>;

  constructor(root: Node<V>) {
    this.#root = root;
  }

  get size(): number {
    return sizeOf(this.#root);
  }

  get(key: string): V | undefined {
    return find(this.#root, key);
  }

  /** Items whose key starts with `prefix` and is greater than `after`, in key order. */
  *range(prefix = '', after?: string): Generator<V, void, undefined> {
    const from = after !== undefined && after >= prefix ? `${after}\0` : prefix;
    const path: { node: Branch<V>; at: number }[] = [];
    let node = this.#root;
    while (!node.leaf) {
      const at = childIndex(node.keys, from);
      path.push({ node, at });
      node = node.children[at]!;
    }
    let leaf: Leaf<V> | undefined = node;
    let at = lowerBound(leaf.items, from);
    while (leaf) {
      const { items } = leaf;
      for (; at < items.length; at++) {
        const item = items[at]!;
        if (!item.key.startsWith(prefix)) return;
        yield item;
      }
      at = 0;
      leaf = nextLeaf(path);
    }
  }

  /** How many items {@link range} would yield; takes O(log n). */
  count(prefix = '', after?: string): number {
    const from = after !== undefined && after >= prefix ? `${after}\0` : prefix;
    const end = prefixEnd(prefix);
    const upTo = end === undefined ? this.size : rank(this.#root, end);
    return Math.max(0, upTo - rank(this.#root, from));
  }

  /** A map that starts as this view; changing it does not change the view. */
  toMap(): SortedMap<V> {
    return new SortedMap(this.#root);
  }
}

function nextLeaf<V extends Keyed>(path: { node: Branch<V>; at: number }[]): Leaf<V> | undefined {
  for (let top = path.at(-1); top; top = path.at(-1)) {
    if (++top.at < top.node.children.length) {
      let node = top.node.children[top.at]!;
      while (!node.leaf) {
        path.push({ node, at: 0 });
        node = node.children[0]!;
      }
      return node;
    }
    path.pop();
  }
  return undefined;
}

/** The live map. Items carry their key; setting an item replaces the one with its key. */
export class SortedMap<V extends Keyed> {
  #owner: object = {};
  #root: Node<V>;

  constructor(root?: Node<V>) {
    this.#root = root ?? { leaf: true, owner: this.#owner, items: [] };
  }

  get size(): number {
    return sizeOf(this.#root);
  }

  get(key: string): V | undefined {
    return find(this.#root, key);
  }

  /** The state now, kept by sharing; O(1). */
  view(): SortedView<V> {
    this.#owner = {};
    return new SortedView(this.#root);
  }

  /** Sets an item and returns the one it replaced. */
  set(item: V): V | undefined {
    const root = this.#own(this.#root);
    const { replaced, split } = this.#insert(root, item);
    this.#root = split
      ? {
          leaf: false,
          owner: this.#owner,
          keys: [leastKey(root), leastKey(split)],
          children: [root, split],
          size: sizeOf(root) + sizeOf(split),
        }
      : root;
    return replaced;
  }

  /** Deletes a key and returns its item. */
  delete(key: string): V | undefined {
    if (!find(this.#root, key)) return undefined;
    const root = this.#own(this.#root);
    const removed = this.#remove(root, key);
    this.#root = root;
    while (!this.#root.leaf && this.#root.children.length === 1) this.#root = this.#root.children[0]!;
    if (!this.#root.leaf && this.#root.children.length === 0) {
      this.#root = { leaf: true, owner: this.#owner, items: [] };
    }
    return removed;
  }

  #own<N extends Node<V>>(node: N): N {
    if (node.owner === this.#owner) return node;
    return (
      node.leaf
        ? { leaf: true, owner: this.#owner, items: node.items.slice() }
        : {
            leaf: false,
            owner: this.#owner,
            keys: node.keys.slice(),
            children: node.children.slice(),
            size: node.size,
          }
    ) as N;
  }

  /** Inserts into an owned node; `split` is the new right sibling when the node was full. */
  #insert(node: Node<V>, item: V): { replaced: V | undefined; split: Node<V> | undefined } {
    if (node.leaf) {
      const at = lowerBound(node.items, item.key);
      const old = node.items[at];
      if (old?.key === item.key) {
        node.items[at] = item;
        return { replaced: old, split: undefined };
      }
      const atEnd = at === node.items.length;
      node.items.splice(at, 0, item);
      if (node.items.length <= maxItems) return { replaced: undefined, split: undefined };
      // Ascending inserts (loading) leave full nodes behind instead of half-full ones.
      const cut = atEnd ? maxItems : node.items.length >>> 1;
      return { replaced: undefined, split: { leaf: true, owner: this.#owner, items: node.items.splice(cut) } };
    }
    const at = childIndex(node.keys, item.key);
    const child = this.#own(node.children[at]!);
    node.children[at] = child;
    const { replaced, split } = this.#insert(child, item);
    if (item.key < node.keys[at]!) node.keys[at] = item.key;
    if (!replaced) node.size++;
    if (!split) return { replaced, split: undefined };
    const atEnd = at === node.children.length - 1;
    node.keys.splice(at + 1, 0, leastKey(split));
    node.children.splice(at + 1, 0, split);
    if (node.children.length <= maxItems) return { replaced, split: undefined };
    const cut = atEnd ? maxItems : node.children.length >>> 1;
    const right: Branch<V> = {
      leaf: false,
      owner: this.#owner,
      keys: node.keys.splice(cut),
      children: node.children.splice(cut),
      size: 0,
    };
    for (const moved of right.children) right.size += sizeOf(moved);
    node.size -= right.size;
    return { replaced, split: right };
  }

  /** Removes a key that is there from an owned node. */
  #remove(node: Node<V>, key: string): V {
    if (node.leaf) return node.items.splice(lowerBound(node.items, key), 1)[0]!;
    const at = childIndex(node.keys, key);
    const child = this.#own(node.children[at]!);
    node.children[at] = child;
    const removed = this.#remove(child, key);
    node.size--;
    if (sizeOf(child) === 0) {
      node.keys.splice(at, 1);
      node.children.splice(at, 1);
    } else {
      node.keys[at] = leastKey(child);
      this.#mergeSmall(node, at);
    }
    return removed;
  }

  /** Joins a small child with a sibling when both fit into one node. */
  #mergeSmall(node: Branch<V>, at: number): void {
    if (width(node.children[at]!) >= minItems || node.children.length < 2) return;
    const left = at > 0 ? at - 1 : at;
    const right = node.children[left + 1]!;
    if (width(node.children[left]!) + width(right) > maxItems) return;
    const target = this.#own(node.children[left]!);
    if (target.leaf && right.leaf) target.items.push(...right.items);
    else if (!target.leaf && !right.leaf) {
      target.keys.push(...right.keys);
      target.children.push(...right.children);
      target.size += right.size;
    }
    node.children[left] = target;
    node.keys.splice(left + 1, 1);
    node.children.splice(left + 1, 1);
  }
}

const width = <V extends Keyed>(node: Node<V>): number => (node.leaf ? node.items.length : node.children.length);

function leastKey<V extends Keyed>(node: Node<V>): string {
  return node.leaf ? node.items[0]!.key : node.keys[0]!;
}
