import { describe, expect, it } from 'vitest';
import { seededRandom } from '../base/random.ts';
import { SortedMap } from './sorted-map.ts';

interface Item {
  readonly key: string;
  readonly value: number;
}

const keys = (items: Iterable<Item>) => [...items].map((item) => item.key);

describe('SortedMap', () => {
  it('agrees with a plain map through random changes, and its views never change', () => {
    const random = seededRandom(11);
    const map = new SortedMap<Item>();
    const model = new Map<string, Item>();
    const kept: { view: ReturnType<typeof map.view>; expected: Item[] }[] = [];
    const sorted = () => [...model.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
    for (let step = 0; step < 20_000; step++) {
      const key = `/${'abc'[random.below(3)]}/${random.below(step < 10_000 ? 2000 : 200)}`;
      const shrink = step > 10_000 && random.below(3) > 0;
      if (shrink || random.below(4) === 0) {
        expect(map.delete(key)).toBe(model.get(key));
        model.delete(key);
      } else {
        const item = { key, value: step };
        expect(map.set(item)).toBe(model.get(key));
        model.set(key, item);
      }
      if (step % 1500 === 0) kept.push({ view: map.view(), expected: sorted() });
    }
    expect([...map.view().range()]).toEqual(sorted());
    for (const { view, expected } of kept) {
      expect([...view.range()]).toEqual(expected);
      expect(view.size).toBe(expected.length);
      for (const prefix of ['', '/', '/b/', '/b/1', '/c/', '/d', '0']) {
        const matching = expected.filter((item) => item.key.startsWith(prefix));
        expect(keys(view.range(prefix))).toEqual(keys(matching));
        expect(view.count(prefix)).toBe(matching.length);
        const after = matching[random.below(Math.max(1, matching.length))]?.key ?? `${prefix}5`;
        const rest = matching.filter((item) => item.key > after);
        expect(keys(view.range(prefix, after))).toEqual(keys(rest));
        expect(view.count(prefix, after)).toBe(rest.length);
      }
      const some = expected[0]?.key ?? '/a/none';
      expect(view.get(some)).toBe(expected[0]);
    }
  });

  it('is usable again after its last item is deleted', () => {
    const map = new SortedMap<Item>();
    for (let i = 0; i < 3000; i++) map.set({ key: String(i).padStart(5, '0'), value: i });
    for (let i = 0; i < 3000; i++) map.delete(String(i).padStart(5, '0'));
    expect(map.size).toBe(0);
    expect(map.delete('00000')).toBeUndefined();
    map.set({ key: 'a', value: 1 });
    expect(keys(map.view().range())).toEqual(['a']);
  });

  it('leaves a view alone when a map made from it changes', () => {
    const map = new SortedMap<Item>();
    for (let i = 0; i < 100; i++) map.set({ key: `k${i}`, value: i });
    const view = map.view();
    const fork = view.toMap();
    fork.delete('k5');
    fork.set({ key: 'new', value: 0 });
    expect(view.get('k5')?.value).toBe(5);
    expect(view.get('new')).toBeUndefined();
    expect(map.size).toBe(100);
    expect(fork.size).toBe(100);
  });
});
