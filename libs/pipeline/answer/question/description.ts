import { MOST_CHARACTERS } from './question.js';

const PICTURE = "(?:(?:the|this|that|my|our|above|attached|following|given|uploaded) )*(?:image|picture|photo(?:graph)?|pic|scene|snapshot|screenshot|drawing|painting)"; // prettier-ignore
const WHERE = `(?: (?:in|on|within) ${PICTURE}| here)?`;
const IT = `(?:${PICTURE}|this|it|what (?:you|we) (?:can )?see${WHERE})`;
const HOW = '(?: for me| to me)?(?: in (?:detail|words|one sentence|a sentence|a few words|a few sentences|short))?(?: briefly)?'; // prettier-ignore

/** Ways to ask what a picture shows as a whole. "What is this?" is not one: it asks for a thing by name. */
const FORMS = [
  `(?:describe|caption|explain) ${IT}${HOW}`,
  `(?:write|give|make|create|generate|provide|suggest)(?: me| us)?(?: an?| the)?(?: \\w+)? (?:caption|description|alt(?:ernative)? text)(?: (?:for|of) ${IT})?${HOW}`,
  `(?:tell me|say) (?:about ${PICTURE}|what (?:you|we) (?:can )?see${WHERE}|what is in ${PICTURE})`,
  `what(?:'s| is| are) (?:in|on) ${PICTURE}`,
  `what(?:'s| is) (?:shown|seen|visible|depicted|pictured|happening|going on|there(?: to see)?)${WHERE}`,
  `what (?:do|can|could) (?:you|we|i) see${WHERE}`,
  `what can be seen${WHERE}`,
  `what(?: all)? (?:does|do) ${PICTURE} (?:show|depict|contain|display|represent)`,
  `what(?:'s| is) ${PICTURE} (?:of|about|showing)`,
  "what(?:'s| is) (?:this|that) an? (?:image|picture|photo(?:graph)?|drawing|painting) of",
  'what (?:am i|are we) looking at(?: here)?',
];
const POLITELY = "(?:please,? |(?:can|could|would|will) you (?:please )?|i(?:'d| would) like you to )?";
const DESCRIBE = new RegExp(`^${POLITELY}(?:${FORMS.join('|')})(?:,? please)?[\\s.?!]*$`, 'i');

/** Whether a question about a picture alone asks for its description. */
export function asksForDescription(question: string): boolean {
  if (question.length > MOST_CHARACTERS) return false;
  const asked = question.replace(/[’]/g, "'").replace(/\s+/g, ' ').trim();
  return asked === '' || DESCRIBE.test(asked);
}
