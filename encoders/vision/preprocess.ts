import { TesseraError } from '#contracts';

const CHANNELS = 3;
/** (byte - 127) / 128, as EfficientNet-Lite was trained. */
const NORMALISED = Float32Array.from({ length: 256 }, (_, byte) => (byte - 127) / 128);

/**
 * Packed RGB pictures [size, size, 3] → planar float32 [n, 3, size, size].
 * @throws TesseraError invalid_request when a picture has another size
 */
export function toPixelValues(images: readonly Uint8Array[], size: number): Float32Array {
  const plane = size * size;
  const values = new Float32Array(images.length * CHANNELS * plane);
  images.forEach((rgb, n) => {
    if (rgb.length !== CHANNELS * plane)
      throw new TesseraError(
        'invalid_request',
        `Picture ${n} has ${rgb.length} bytes; ${size} × ${size} RGB has ${CHANNELS * plane}.`,
      );
    for (let channel = 0; channel < CHANNELS; channel++) {
      const base = (n * CHANNELS + channel) * plane;
      for (let at = 0, from = channel; at < plane; at++, from += CHANNELS) values[base + at] = NORMALISED[rgb[from]!]!;
    }
  });
  return values;
}
