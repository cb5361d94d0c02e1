/** Which segment each row of a working set belongs to, [kvHeads, rows]; -1 for the prefix. */
export type RowSegments = Int32Array;

/**
 * Sums the attention mass that segments receive while an answer is written.
 * Rows beyond those known (the question and the answer itself) belong to no segment.
 */
export class Evidence {
  private readonly mass: Float64Array;
  private total = 0;

  constructor(segments: number) {
    this.mass = new Float64Array(segments);
  }

  /**
   * @param attention [kvHeads, columns] of one layer, summed over query heads and tokens
   * @param weight how much of it counts
   */
  add(attention: Float32Array, columns: number, rows: RowSegments, kvHeads: number, weight = 1): void {
    const count = rows.length / kvHeads;
    const known = Math.min(count, columns);
    for (let head = 0; head < kvHeads; head++) {
      const [first, at] = [head * count, head * columns];
      // Rows of a segment stand together: each run of them is added once.
      for (let row = 0; row < known;) {
        const segment = rows[first + row]!;
        let mass = 0;
        for (; row < known && rows[first + row] === segment; row++) mass += attention[at + row]!;
        if (segment < 0) continue;
        mass *= weight;
        this.mass[segment]! += mass;
        this.total += mass;
      }
    }
  }

  /** Share of each segment in what all segments received; zeros when nothing did. */
  shares(): number[] {
    return Array.from(this.mass, (mass) => (this.total > 0 ? mass / this.total : 0));
  }
}
