/** How something is told: by words, or by what is seen. */
export type Sense = 'said' | 'shown';

/** Words of a question that name the sense it asks by, as parts of patterns. */
export const SAID = 'said|say|says|saying|mention(?:s|ed)?|talk(?:s|ed|ing)?|speak(?:s|ing)?|spoken|discuss(?:ed|es)?|heard?|hears|told|explain(?:s|ed)?'; // prettier-ignore
export const SHOWN = 'shown?|shows|seen|sees?|visible|appears?|on (?:the )?screen|in the picture';

const said = new RegExp(`\\b(?:${SAID})\\b`, 'i');
const shown = new RegExp(`\\b(?:${SHOWN})\\b`, 'i');

export const senseOf = (text: string): Sense | undefined =>
  said.test(text) ? 'said' : shown.test(text) ? 'shown' : undefined;
