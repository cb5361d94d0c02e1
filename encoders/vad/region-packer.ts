import type { SpeechRegion } from './speech-regions.js';

/** Seconds. */
export interface PackOptions {
  /** Regions with a longer pause between them stay apart. */
  maxGap: number;
  /** A longer whole is not made. */
  maxLength: number;
}

/**
 * Joins neighbouring regions to stretches that a recogniser has some context in: a word after a pause is understood
 * better together with what was said before it. A stretch is let go when the next region does not fit into it.
 */
export class RegionPacker {
  private held: SpeechRegion | undefined;

  constructor(
    private readonly sampleRate: number,
    private readonly options: PackOptions,
  ) {}

  push(regions: readonly SpeechRegion[]): SpeechRegion[] {
    const done: SpeechRegion[] = [];
    for (const region of regions) {
      if (this.held && this.fits(this.held, region)) this.held = joined(this.held, region);
      else {
        if (this.held) done.push(this.held);
        this.held = region;
      }
    }
    return done;
  }

  /** Lets the held stretch go when nothing that starts at `position` or later could join it. */
  settle(position: number): SpeechRegion[] {
    if (!this.held || (position - this.held.end) / this.sampleRate <= this.options.maxGap) return [];
    return this.finish();
  }

  finish(): SpeechRegion[] {
    const { held } = this;
    this.held = undefined;
    return held ? [held] : [];
  }

  /** No sample before this one will be in a stretch that is still to come. */
  get settled(): number {
    return this.held?.start ?? Infinity;
  }

  private fits(a: SpeechRegion, b: SpeechRegion): boolean {
    const { maxGap, maxLength } = this.options;
    return (b.start - a.end) / this.sampleRate <= maxGap && (b.end - a.start) / this.sampleRate <= maxLength;
  }
}

function joined(a: SpeechRegion, b: SpeechRegion): SpeechRegion {
  const [left, right] = [a.end - a.start, b.end - b.start];
  return { start: a.start, end: b.end, confidence: (a.confidence * left + b.confidence * right) / (left + right) };
}
