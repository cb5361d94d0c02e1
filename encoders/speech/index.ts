export { Vocabulary } from './moonshine/vocabulary.js';
export {
  createSpeechRecognizer,
  type SpeechOptions,
  type SpeechRecognizer,
  type TranscribeOptions,
} from './speech-recognizer.js';
