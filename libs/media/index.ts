export { decodeAudio, type AudioOptions, type AudioStream } from './audio.js';
export { decodeFrames, type FramesOptions, type FrameStream, type VideoFrame } from './frames.js';
export { DEFAULT_LIMITS, type MediaLimits } from './limits.js';
export { decodeImage, probePicture, type ImageOptions, type PictureFacts, type RgbPicture } from './picture.js';
export { audioTrack, probe, type MediumFacts, type ProbeOptions } from './probe.js';
export { readText } from './text.js';
