/** A stretch of speech, in samples from the start of the stream. */
export interface SpeechRegion {
  start: number;
  end: number;
  /** Mean speech probability of its windows. */
  confidence: number;
}

/** All lengths in seconds. */
export interface RegionOptions {
  /** Speech begins at this probability … */
  threshold: number;
  /** … and ends below this one. */
  negativeThreshold: number;
  /** A shorter pause does not end a region. */
  minSilence: number;
  /** A shorter region is dropped. */
  minSpeech: number;
  /** Added on both sides, at most to the middle of the pause. */
  padding: number;
  /** A longer region is split at its quietest window. */
  maxLength: number;
}

export const DEFAULT_REGIONS: RegionOptions = {
  threshold: 0.5,
  negativeThreshold: 0.35,
  minSilence: 0.4,
  minSpeech: 0.1,
  padding: 0.2,
  maxLength: 28,
};

/** Where a split may fall: nearer to the end than this share of maxLength, so that the first part is not tiny. */
const SPLIT_FROM = 0.5;

/**
 * Turns speech probabilities into regions, as they come. Pure: no model, no clock.
 * Regions never overlap, come in order, and together hold every window whose probability reached the threshold,
 * except those of regions shorter than minSpeech.
 */
export class RegionDetector {
  private window = 0;
  /** First window of the open region. */
  private begin: number | undefined;
  /** Probabilities since `begin`. */
  private open: number[] = [];
  /** Windows below negativeThreshold at the end of `open`. */
  private quiet = 0;
  /** End of the last region that was let go, without padding. */
  private lastEnd: number | undefined;
  private held: SpeechRegion | undefined;

  /** @param windowSamples samples that one probability stands for, @param sampleRate Hz */
  constructor(
    private readonly windowSamples: number,
    private readonly sampleRate: number,
    private readonly options: RegionOptions = DEFAULT_REGIONS,
  ) {}

  /** Regions that are now complete. */
  push(probabilities: ArrayLike<number>): SpeechRegion[] {
    const done: SpeechRegion[] = [];
    for (let i = 0; i < probabilities.length; i++) this.step(probabilities[i]!, done);
    return done;
  }

  /** What was still open when the stream ended. @param samples length of the stream */
  finish(samples: number): SpeechRegion[] {
    const done: SpeechRegion[] = [];
    if (this.begin !== undefined) this.close(this.open.length - this.quiet, done);
    this.release(samples, done);
    // The last window is filled up with silence.
    return done.map((region) => ({ ...region, end: Math.min(region.end, samples) }));
  }

  /** No sample before this one will be in a region that is still to come. */
  get settled(): number {
    const padding = this.samplesOf(this.options.padding);
    const from = (this.begin ?? this.window) * this.windowSamples;
    return Math.max(0, Math.min(from - padding, this.held?.start ?? Infinity));
  }

  private step(probability: number, done: SpeechRegion[]): void {
    const { threshold, negativeThreshold, minSilence, maxLength } = this.options;
    const at = this.window++;
    if (this.begin === undefined) {
      if (probability >= threshold) {
        this.begin = at;
        this.open = [probability];
        this.quiet = 0;
      } else if (this.held && (at * this.windowSamples - this.held.end) / this.sampleRate > 2 * this.options.padding) {
        this.release(Infinity, done);
      }
      return;
    }
    this.open.push(probability);
    this.quiet = probability < negativeThreshold ? this.quiet + 1 : 0;
    if (this.secondsOf(this.quiet) >= minSilence) this.close(this.open.length - this.quiet, done);
    else if (this.secondsOf(this.open.length) >= maxLength - 2 * this.options.padding) this.split(done);
  }

  /** Ends the open region after `length` windows; it is held back until its padding is known. */
  private close(length: number, done: SpeechRegion[]): void {
    const begin = this.begin!;
    const heard = this.open.slice(0, length);
    this.begin = undefined;
    this.open = [];
    this.quiet = 0;
    if (this.secondsOf(length) < this.options.minSpeech) return;
    const confidence = heard.reduce((sum, value) => sum + value, 0) / heard.length;
    this.hold({ start: begin * this.windowSamples, end: (begin + length) * this.windowSamples, confidence }, done);
  }

  /** Cuts an overlong region at its quietest window and goes on with the rest. */
  private split(done: SpeechRegion[]): void {
    const begin = this.begin!;
    const open = this.open;
    let cut = Math.floor(open.length * SPLIT_FROM);
    // A long pause inside the window counts more than one quiet window: look at the mean of three.
    const loudness = (i: number) => open[i - 1]! + open[i]! + (open[i + 1] ?? open[i]!);
    for (let i = cut; i < open.length; i++) if (loudness(i) < loudness(cut)) cut = i;
    this.close(cut, done);
    this.begin = begin + cut;
    this.open = open.slice(cut);
    this.quiet = 0;
  }

  private hold(region: SpeechRegion, done: SpeechRegion[]): void {
    this.release(region.start, done);
    const padding = this.samplesOf(this.options.padding);
    // Never before the middle of the pause to the region before.
    const earliest = this.lastEnd === undefined ? 0 : Math.ceil((this.lastEnd + region.start) / 2);
    this.held = { ...region, start: Math.max(earliest, region.start - padding) };
  }

  /** Lets the held region go, padded up to the middle of the pause before `next` (samples). */
  private release(next: number, done: SpeechRegion[]): void {
    const held = this.held;
    if (!held) return;
    this.held = undefined;
    this.lastEnd = held.end;
    const padding = this.samplesOf(this.options.padding);
    const room = Number.isFinite(next) ? Math.max(0, (next - held.end) / 2) : padding;
    done.push({ ...held, end: held.end + Math.floor(Math.min(padding, room)) });
  }

  private samplesOf = (seconds: number): number => Math.round(seconds * this.sampleRate);
  private secondsOf = (windows: number): number => (windows * this.windowSamples) / this.sampleRate;
}
