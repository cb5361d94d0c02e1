export { createVad, VAD_SAMPLE_RATE, VAD_WINDOW, type Vad, type VadOptions, type VadStream } from './vad.js';
export { DEFAULT_REGIONS, RegionDetector, type RegionOptions, type SpeechRegion } from './speech-regions.js';
export { RegionPacker, type PackOptions } from './region-packer.js';
