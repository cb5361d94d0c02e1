export { Vocabulary } from './moonshine/vocabulary.js';
export type { Recognition } from './recognition.js';
export type { StretchMemory } from './stretch-memory.js';
export {
  createSpeechRecognizer,
  type SpeechOptions,
  type SpeechRecognizer,
  type TranscribeOptions,
} from './speech-recognizer.js';
