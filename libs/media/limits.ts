/** What a medium may cost. Checked against the header before anything is decoded, and again while decoding. */
export interface MediaLimits {
  /** Bytes of the file. */
  maxFileBytes: number;
  /** Pixels (width × height) of a picture or of one video frame. */
  maxPixels: number;
  /** Seconds of audio or video. */
  maxDurationSeconds: number;
  /** Frames taken from one video when neither `fps` nor `numFrames` says otherwise. */
  maxFrames: number;
  /** Milliseconds that one ffmpeg or ffprobe process may run. */
  timeoutMs: number;
}

export const DEFAULT_LIMITS: MediaLimits = {
  maxFileBytes: 2 * 1024 ** 3,
  maxPixels: 100_000_000,
  maxDurationSeconds: 4 * 3600,
  maxFrames: 512,
  timeoutMs: 30 * 60_000,
};

/** Seconds that decoding one picture may take: a hundred megapixels take some three. */
export const PICTURE_SECONDS = 60;
