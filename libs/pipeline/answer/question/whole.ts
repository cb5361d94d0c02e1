/** What a question wants of the whole material, not of a place in it. */
export type Whole =
  /** All that is said, word for word. */
  | 'transcript'
  /** What is said: word for word where that is short. */
  | 'said'
  /** What is to be seen, in order. */
  | 'shown'
  /** All that is written. */
  | 'written'
  /** What it is about. */
  | 'about';

const PICTURE = 'images?|pictures?|photos?|photographs?|pic|scene|snapshot|drawing|painting|screenshots?|scans?';
const MATERIAL = `(?:videos?|films?|movies?|clips?|footage|recordings?|audio(?: (?:file|clip|recording))?|sound(?: ?file)?|podcast|talk|speech|lecture|interview|presentation|meeting|call|documents?|files?|text|notes|pdf|report|article|paper|slides|pages?|material|${PICTURE})`; // prettier-ignore
const THE = `(?:(?:all|the|this|that|these|those|my|our|above|attached|following|given|uploaded|entire|whole|short) )*${MATERIAL}`;
const IT = `(?:${THE}|this|it|that|these)`;
const IN_IT = `(?:,? (?:in|on|within|during|throughout) ${IT}| here)?`;
const OF_IT = `(?: (?:of|for|from) ${IT})?`;
const VOICE = `(?:(?:the |this )?(?:speakers?|narrator|voice|man|woman|person|people|presenter|lecturer)|they|he|she|${IT})`;
const SOMEBODY = '(?:you|we|i|one)';
const HOW = '(?: for me| to me)?(?: in (?:detail|words|a few words|a few sentences|one sentence|a sentence|short))?(?: briefly)?'; // prettier-ignore
const EXACTLY = '(?: for me)?(?:,? (?:word for word|verbatim|exactly|in full|into text|as text))?';

const FORMS: Record<Whole, string[]> = {
  transcript: [
    `(?:transcribe|write (?:down|out)) (?:${IT}|(?:all|everything|what|all that) (?:(?:that )?is|was|has been) (?:said|spoken)${IN_IT}|what ${VOICE} says?${IN_IT})${EXACTLY}`,
    `(?:(?:write|make|create|get|give|show)(?: me)? )?(?:an? |the )?(?:full |complete |whole |exact )?transcript(?:ion)?${OF_IT}${EXACTLY}`,
    `what (?:exactly )?(?:is|was) said${IN_IT},? (?:word for word|verbatim)`,
  ],
  said: [
    `what(?:'s| is| was)(?: being)? (?:said|spoken)${IN_IT}`,
    `what (?:do|does|did) ${VOICE} (?:say|tell(?: us)?|talk about)${IN_IT}`,
    `what (?:is|are|was|were) ${VOICE} (?:saying|talking about)${IN_IT}`,
    `what (?:do|can|could) ${SOMEBODY} hear${IN_IT}`,
    `what can be heard${IN_IT}`,
    "what(?:'s| is) (?:in|on) (?:the|this|that|my) (?:recording|audio(?: (?:file|clip|recording))?|sound ?file|podcast)",
  ],
  shown: [
    `what(?:'s| is| are| was) (?:shown|visible|seen|to be seen|there to see|depicted|pictured)${IN_IT}`,
    `what (?:do|can|could) ${SOMEBODY} see${IN_IT}`,
    `(?:(?:tell me|say|describe) )?what ${SOMEBODY} (?:can )?see${IN_IT}`,
    `what can be seen${IN_IT}`,
    `what (?:do|does|did) ${IT} (?:show|depict|display|represent)`,
    'what (?:am i|are we) looking at(?: here)?',
  ],
  written: [
    `(?:extract|read(?: out)?|give|show|copy|get|recogni[sz]e|ocr)(?: me)? (?:(?:all|any|the|its) )*text(?: (?:of|in|on|from) ${IT})?${EXACTLY}`,
    `what(?:'s| is| was)(?: the)? (?:written|printed|text)(?: there)?${IN_IT}`,
    `what text (?:is|does|do|can)\\b(?: (?:there|you see|i see|we see|be (?:seen|read)|it (?:have|contain|show)))?${IN_IT}`,
    `(?:what|which) (?:text|words) (?:is|are|does|do) ${IT} (?:contain|show|have|say)`,
    `ocr(?: ${IT})?`,
  ],
  about: [
    `what(?:'s| is| are| was) ${IT}(?: all)? (?:about|of)`,
    `what(?:'s| is) (?:this|that|it) an? ${MATERIAL} of`,
    `(?:tell me |say )?(?:what ${IT} (?:is|are) |all )?about(?: ${IT})?`,
    // "What is on the paper?" asks about a thing in a picture.
    `what(?:'s| is| are) (?:in ${THE}|on (?:the|this|that|these|my) (?:${PICTURE}))`,
    `what (?:do|does|did) ${IT} (?:contain|cover|describe|discuss|deal with|include)`,
    `(?:describe|caption|explain|outline) ${IT}${HOW}`,
    `(?:(?:write|give|make|create|generate|provide|suggest)(?: me| us)? )?(?:an? |the )?(?:\\w+ )?(?:caption|description|alt(?:ernative)? text)${OF_IT}${HOW}`,
    `what(?:'s| is)? (?:happens|happened|happening|going on)${IN_IT}`,
  ],
}; // prettier-ignore
const POLITELY = "(?:please,? |(?:can|could|would|will) you (?:please )?|i(?:'d| would) like you to )?";
const PATTERNS = Object.entries(FORMS).map(
  ([whole, forms]) => [whole as Whole, new RegExp(`^${POLITELY}(?:${forms.join('|')})(?:,? please)?[\\s.?!]*$`, 'i')] as const, // prettier-ignore
);

/** A question longer than this asks something of its own, and patterns take their time over it. */
const MOST_CHARACTERS = 200;

/** What a question asks of all that it is about, if it names nothing else: "What is this about?", "Transcribe this." */
export function wholeAsked(question: string): Whole | undefined {
  const text = question.replace(/’/g, "'").replace(/\s+/g, ' ').trim();
  return text.length > MOST_CHARACTERS ? undefined : PATTERNS.find(([, pattern]) => pattern.test(text))?.[0];
}

/** Whether a question about a picture alone asks for its description. "What is this?" does not: it asks for a thing by name. */
export function asksForDescription(question: string): boolean {
  const whole = wholeAsked(question);
  return question.trim() === '' || whole === 'about' || whole === 'shown';
}
