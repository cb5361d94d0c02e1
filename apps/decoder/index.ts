export { startDecoder } from './decoder.js';
