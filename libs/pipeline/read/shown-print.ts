import { PRINT_FROM, type PrintLook, type ShownFrame } from '#media';

/** Before other print is seen (seconds), it may already be fading in. */
const FADE = 1;
/** What is shown for so long (seconds) is told of at once: few films have key frames further apart. */
const LONG = 10;

/**
 * Tells of each frame that shows new print, in the order of their times, as soon as it is known how long it shows it. Whoever reads it may
 * look at any moment of that time, where nothing was left out between frames.
 */
export class ShownPrint {
  private open: Required<ShownFrame> | undefined;
  /** Whether the frame that was looked at last shows print. */
  printed = false;

  /** The next frame that was looked at. @param time seconds */
  look(time: number, { likelihood, isNew }: PrintLook): ShownFrame | undefined {
    let known: ShownFrame | undefined;
    if (isNew) known = this.end(time);
    else if (this.open) {
      this.open.until = time;
      if (time - this.open.time >= LONG) known = this.end(time);
    }
    if (isNew) this.printed = likelihood >= PRINT_FROM;
    if (isNew && this.printed) this.open = { time, until: time };
    return known;
  }

  /** @param time seconds; something else is seen from here on, or nothing */
  end(time: number): ShownFrame | undefined {
    const { open } = this;
    this.open = undefined;
    return open && { time: open.time, until: Math.max(open.until, time - FADE) };
  }
}
