export { createVisionEncoder, type VisionEncoder, type VisionOptions } from './vision-encoder.js';
