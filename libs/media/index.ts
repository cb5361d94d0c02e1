export { DAMAGED_SOUND, decodeAudio, type AudioOptions, type AudioStream } from './audio.js';
export { withoutBars } from './frame-bars.js';
export { decodeFrames, type FramesOptions, type FrameStream, type ShownFrame, type VideoFrame } from './frames.js';
export { leavesNothingOut } from './frame-policy.js';
export { DEFAULT_LIMITS, type MediaLimits } from './limits.js';
export { decodeImage, probePicture, type ImageOptions, type PictureFacts, type RgbPicture } from './picture.js';
export { decodeTiles } from './tiles.js';
export { audioTrack, listTracks, probe, withinLimits, type MediumFacts, type ProbeOptions } from './probe.js';
export { readText } from './text.js';
export { type DocumentBlock, type DocumentLimits, type DocumentText } from './documents/block.js';
export { filesIn, holdsSource, packFolder } from './documents/folder.js';
export { readDocument, type DocumentOptions } from './documents/document.js';
export { PRINT_FROM, readFrameTexts, readPictureText, type PictureTextOptions } from './documents/ocr/picture-text.js';
export { PrintWatch, type PrintLook } from './documents/ocr/print-watch.js';
export { boxAround } from './documents/box.js';
export { TextRecognizer, type GreyPicture, type Paragraph, type PictureText, type TextBox } from './documents/ocr/text-recognizer.js'; // prettier-ignore
export { cutClip, MAX_CLIP_SECONDS, still, STILL_PIXELS, type EvidenceOptions } from './evidence/evidence.js';
export { promisedKind } from './sniff.js';
export { readSubtitles, speaks, subtitleTrack, type Subtitle } from './subtitle-track.js';
