import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Page, Worker } from 'tesseract.js';
import { TesseraError, type Box } from '#contracts';
import { release } from '#runtime';
import { boxAround, boxOn } from '../box.js';

/** 8-bit grey [height, width]. */
export interface GreyPicture {
  grey: Uint8Array;
  width: number;
  height: number;
}

/** One line of text and where it stands, in pixels of the picture that was read. */
export interface TextBox {
  text: string;
  left: number;
  top: number;
  width: number;
  height: number;
  /** 0 to 1, as Tesseract says. */
  confidence: number;
  /** Lines of one paragraph share its number. */
  paragraph: number;
}

/** Lines that belong together, and where they stand on the picture. */
export interface Paragraph {
  text: string;
  box: Box;
}

export interface PictureText {
  /** Paragraphs in reading order, parted by newlines. */
  text: string;
  paragraphs: Paragraph[];
  boxes: TextBox[];
}

/** One picture may take this long; then the thread is given up. */
const TIMEOUT_MS = 30_000;
/** Lines that Tesseract doubts more are marks and textures, not text. */
const MIN_CONFIDENCE = 0.55;

/**
 * Tesseract's LSTM (https://github.com/tesseract-ocr/tesseract) in a worker thread of its own, English, from files in
 * node_modules only. It is loaded by the first picture; `dispose` ends the thread. Pictures are read one after another.
 */
export class TextRecognizer {
  private worker: Promise<Worker> | undefined;
  private last: Promise<unknown> = Promise.resolve();
  private disposed = false;

  /** Begins to load what the first picture will need. */
  warm(): void {
    if (this.disposed) return;
    this.worker ??= this.start();
    // Whoever reads is told.
    this.worker.catch(() => undefined);
  }

  /** @throws TesseraError cancelled, timeout, model_failed */
  read(picture: GreyPicture, options: { signal?: AbortSignal } = {}): Promise<PictureText> {
    const next = this.last.then(() => this.recognize(picture, options.signal));
    this.last = next.catch(() => undefined);
    return next;
  }

  /** Safe to call twice; what waits is rejected as cancelled. */
  async dispose(): Promise<void> {
    this.disposed = true;
    await this.stop();
  }

  private async recognize(picture: GreyPicture, signal: AbortSignal | undefined): Promise<PictureText> {
    if (this.disposed || signal?.aborted) throw cancelled();
    const worker = await (this.worker ??= this.start());
    let timer: NodeJS.Timeout | undefined;
    let onAbort: (() => void) | undefined;
    const interrupted = new Promise<never>((_, reject) => {
      onAbort = () => reject(cancelled());
      signal?.addEventListener('abort', onAbort, { once: true });
      timer = setTimeout(
        () =>
          reject(new TesseraError('timeout', `Reading the text of a picture took longer than ${TIMEOUT_MS / 1000} s.`)),
        TIMEOUT_MS,
      );
    });
    try {
      const image = greymap(picture);
      const { data } = await Promise.race([worker.recognize(image, {}, { text: false, blocks: true }), interrupted]);
      release([image.buffer]);
      return pictureText(data, picture);
    } catch (error) {
      await this.stop();
      if (error instanceof TesseraError) throw error;
      throw new TesseraError('model_failed', 'The text of a picture could not be read.', { cause: error });
    } finally {
      clearTimeout(timer);
      if (onAbort) signal?.removeEventListener('abort', onAbort);
    }
  }

  private async start(): Promise<Worker> {
    const { createWorker, OEM } = await import('tesseract.js');
    const require = createRequire(import.meta.url);
    const language = dirname(require.resolve('@tesseract.js-data/eng/package.json'));
    return createWorker('eng', OEM.LSTM_ONLY, {
      langPath: join(language, '4.0.0_best_int'),
      gzip: true,
      cacheMethod: 'none',
      errorHandler: () => undefined,
    });
  }

  private async stop(): Promise<void> {
    const worker = this.worker;
    this.worker = undefined;
    await worker?.then((running) => running.terminate()).catch(() => undefined);
  }
}

/** Netpbm's binary greymap, in memory of its own: no compression to pay for. */
function greymap({ grey, width, height }: GreyPicture): Buffer {
  const header = Buffer.from(`P5\n${width} ${height}\n255\n`, 'latin1');
  const image = Buffer.alloc(header.length + grey.length);
  image.set(header);
  image.set(grey, header.length);
  return image;
}

function pictureText(page: Page, picture: { width: number; height: number }): PictureText {
  const boxes = (page.blocks ?? [])
    .flatMap((block) => block.paragraphs)
    .flatMap((each, paragraph) => each.lines.map((line) => ({ ...line, paragraph })))
    .map(({ text, confidence, bbox, paragraph }) => ({
      text: text.replace(/\s+/g, ' ').trim(),
      left: bbox.x0,
      top: bbox.y0,
      width: bbox.x1 - bbox.x0,
      height: bbox.y1 - bbox.y0,
      confidence: confidence / 100,
      paragraph,
    }))
    .filter((box) => box.confidence >= MIN_CONFIDENCE && /[\p{L}\p{N}]{2}/u.test(box.text));
  const found = paragraphsOf(boxes, picture);
  return { text: found.map(({ text }) => text).join('\n'), paragraphs: found, boxes };
}

/** A line this wide, of the widest and of the picture, is full: it goes on in the next one of its paragraph. */
const FULL = 0.75;
const FULL_OF_PICTURE = 0.55;

/** Wrapped lines joined, those of a slide kept apart; words that were hyphenated at a line's end mended. */
function paragraphsOf(boxes: TextBox[], picture: { width: number; height: number }): Paragraph[] {
  const widest = Math.max(0, ...boxes.map((box) => box.width));
  const found: Paragraph[] = [];
  let last: TextBox | undefined;
  for (const line of boxes) {
    const { text, left, top, width, height } = line;
    const box = boxOn({ left, top, right: left + width, bottom: top + height }, picture);
    const open = found.at(-1);
    if (last && open && goesOn(last, line, widest, picture.width)) {
      open.text = isParted(open.text, text) ? open.text.slice(0, -1) + text : `${open.text} ${text}`;
      open.box = boxAround([open.box, box]) ?? box;
    } else found.push({ text, box });
    last = line;
  }
  return found;
}

function goesOn(last: TextBox, next: TextBox, widest: number, width: number): boolean {
  if (last.paragraph !== next.paragraph || last.width < FULL * widest) return false;
  return /^\p{Ll}/u.test(next.text) || last.width >= FULL_OF_PICTURE * width;
}

const isParted = (line: string, next: string): boolean => /\p{L}-$/u.test(line) && /^\p{Ll}/u.test(next);

const cancelled = (): TesseraError => new TesseraError('cancelled', 'Reading the text of a picture was cancelled.');
