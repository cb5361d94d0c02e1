/** A time of day, a day or a year: not one of the medium. */
export const TELLS_A_TIME = /\b(?:\d{1,2}[:.]\d{2}|\d{1,2} ?[ap]\.?m\b|o['’]?clock|noon|midnight|(?:mon|tues|wednes|thurs|fri|satur|sun)day|(?:january|february|march|april|june|july|august|september|october|november|december)|tomorrow|yesterday|(?:last|next) (?:week|month|year)|1\d{3}|20\d{2})\b/i; // prettier-ignore
/** How often something happens in the world: not in the medium. */
export const TELLS_HOW_OFTEN = /\b(?:once|twice|thrice|\w+ times|every|each|daily|hourly|weekly|monthly|per)\b/i;
