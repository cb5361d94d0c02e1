import type { Arena, WorkingSet } from '../../libs/decoder/runner/arena.js';

/** A working set of `rows` rows of seeded numbers. */
export function filled(arena: Arena, rows: number, seed: number): WorkingSet {
  const { layers, kvHeads, headDim } = arena.shape;
  const member = arena.add(rows + 64);
  for (let layer = 0; layer < layers; layer++)
    for (let head = 0; head < kvHeads; head++) {
      const at = member.at(head, 0);
      for (let i = 0; i < rows * headDim; i++) {
        arena.keys[layer]![at + i] = Math.sin(seed + 0.37 * i + layer);
        arena.values[layer]![at + i] = Math.cos(seed + 0.11 * i + head);
      }
      member.show(layer, head, 0, rows);
    }
  member.length = rows;
  return member;
}
