import { isMany, isThing, somebodyIn, subjectsAfter, subjectsIn, type Subject } from './subjects.js';

export interface Turn {
  role: string;
  content: string;
}

/** What a conversation has come to: the last question, whole, what was spoken of, the last first, and the things that its answer listed. */
interface Context {
  question: string;
  subjects: Subject[];
  listed: string[];
}

/**
 * The last question of a conversation so that it can be understood alone: "When is it shown?" after a question about the train
 * asks when the train is shown. Only the words change that point back; what stands alone stays as it is.
 */
export function standalone(turns: readonly Turn[]): string {
  let context: Context = { question: '', subjects: [], listed: [] };
  for (const { role, content } of turns) {
    if (role === 'user') {
      const question = context.question === '' ? content : resolve(content, context);
      context = { ...context, question, subjects: [...subjectsIn(question), ...context.subjects] };
    } else if (role === 'assistant') {
      context = {
        ...context,
        subjects: subjectsAfter(content, context.question, context.subjects),
        listed: listedIn(content),
      };
    }
  }
  return context.question;
}

const CONNECTED = /^(?:and|but|so|ok(?:ay)?|then|also)\b[,\s]+(?=\S)/i;
const WHAT_ABOUT = /^(?:what|how) about (?<thing>.+?)[?.!\s]*$/i;
/** "And the cat?": no verb that asks. */
const ASKS = /^(?:who|whom|whose|what|when|where|which|why|how|is|are|was|were|do|does|did|has|have|had|can|could|will|would|tell|show|list|name|give|find|compare|describe|summari[sz]e|explain|please|at|in|on)\b/i; // prettier-ignore

function resolve(text: string, context: Context): string {
  const connected = CONNECTED.test(text.trim());
  const rest = text.trim().replace(CONNECTED, '');
  const thing = WHAT_ABOUT.exec(rest)?.groups?.['thing'] ?? (connected && !ASKS.test(rest) ? rest.replace(/[?.!\s]+$/, '') : undefined); // prettier-ignore
  if (thing !== undefined && !POINTS_BACK.test(thing)) return instead(withListed(thing, context.listed), context);
  const asked = connected ? capital(rest) : rest;
  return withSubjects(withListed(asked, context.listed), context.subjects);
}

/** The question before, about another thing. */
function instead(thing: string, { question }: Context): string {
  const [{ noun } = { noun: '' }] = subjectsIn(question);
  const at = noun === '' ? -1 : question.toLowerCase().indexOf(noun.toLowerCase());
  if (at >= 0) return question.slice(0, at) + thing + question.slice(at + noun.length);
  return `What about ${thing}? ${question}`;
}

const ORDINALS = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth'];
/** What an ordinal counts of a list that was told before. "The first payment" is of the material, and "for the last time" of no list. */
const COUNTED = String.raw`(?: (?:one|time(?<!\bfor the \w+ time)|picture|photo|image)\b(?! of\b)| of them\b)`;
const ALONE = String.raw`(?=\s*(?:[?.!,]|$)|\s+(?:is|are|was|were|do|does|did|has|have|says?|shows?)\b)`;
const LISTED = new RegExp(String.raw`\bthe (?<nth>${ORDINALS.join('|')}|last|other)(?:${COUNTED}|${ALONE})`, 'i');

/** "The second one" by what the answer before listed second. */
function withListed(text: string, listed: string[]): string {
  const found = LISTED.exec(text);
  const nth = found?.groups?.['nth']?.toLowerCase() ?? '';
  const item = nth === 'last' || nth === 'other' ? listed.at(-1) : listed[ORDINALS.indexOf(nth)];
  if (!found || item === undefined || listed.length < 2) return text;
  const isWhen = TIME.test(item) && / time$/i.test(found[0]) && ENDS_WITHOUT_PREPOSITION.test(text.slice(0, found.index)); // prettier-ignore
  return text.replace(found[0], isWhen ? `at ${item}` : item);
}

const TIME = /^(?:\d+:)?\d{1,2}:\d{2}$/;
/** "What is said the second time?" asks what is said at it. */
const ENDS_WITHOUT_PREPOSITION = /(?<!\b(?:at|from|after|before|until|around|between|since|to|of|about|in|on))\s$/i;

const POINTS_BACK = /\b(?:it|its|this|that|these|those|they|them|their|he|him|his|she|her|hers)\b/i;
/** Words after which "that" stands for what was said, and not before a noun or a clause. */
const ENDS = String.raw`(?=\s*(?:[?.!,]|$|\b(?:is|was|are|were|be|being|happens?|happened|shown|said|mentioned|seen|visible|in|on|at|from|for|again|first|last|before|after|mean|cost|costs|start|starts|end|ends|ring|rings|come|comes|appear|appears|look|looks|do|does)\b))`; // prettier-ignore
const SAID_THAT = /\b(?:said|says|say|told|mentioned)\s+(?:it|this|that)\b(?=\s*(?:[?.!,]|$|\b(?:while|when|in|at|first|last)\b))/i; // prettier-ignore

const thing = (subjects: readonly Subject[]): string | undefined => subjects.find(isThing)?.noun;

/** Words that point back, and what of a conversation they may point at. */
const PRONOUNS: { alone: RegExp; possessive: RegExp; meant: (subjects: readonly Subject[]) => string | undefined }[] = [
  {
    alone: new RegExp(String.raw`\b(?:he|him|she)\b|\bher\b${ENDS}`, 'i'),
    possessive: /\b(?:his|her)\b(?=\s+\p{L})/iu,
    meant: (subjects) => subjects.map(somebodyIn).find((noun) => noun !== undefined),
  },
  {
    alone: new RegExp(String.raw`\bit\b|\b(?:this|that)\b${ENDS}`, 'i'),
    possessive: /\bits\b(?=\s+\p{L})/iu,
    meant: thing,
  },
  {
    alone: new RegExp(String.raw`\b(?:they|them)\b|\b(?:these|those)\b${ENDS}`, 'i'),
    possessive: /\btheir\b(?=\s+\p{L})/iu,
    meant: (subjects) => (subjects.find(isMany) ?? subjects[0])?.noun,
  },
];

/** "It is raining", "What time is it?": nothing is pointed at. */
const IMPERSONAL = /\bit (?:(?:still|already|really|very|so|getting|a|an|the|about|going to) )*(?:rain\w*|snow\w*|storm\w*|hail\w*|sunny|cloudy|windy|foggy|dark|(?:cold|hot|warm|light|bright) outside|day\w*|night\w*|morning|evening|afternoon|noon|midnight|dawn|dusk|late|early|winter|spring|summer|autumn|weekend|\w+day|half past|quarter (?:past|to)|\w+ o['’]?clock|\d{1,2}(?::\d{2}| ?[ap]\.?m))\b|\b(?:time|day|date|weekday|month|season|year|weather) (?:is|was) it(?=\s*(?:[?.!,]|$|\b(?:in|on|now|there|here|when|while)\b))/i; // prettier-ignore

function withSubjects(text: string, subjects: readonly Subject[]): string {
  return PRONOUNS.reduce((resolved, { alone, possessive, meant }) => {
    const forms = [{ form: possessive, ending: "'s" }, { form: alone, ending: '' }]; // prettier-ignore
    const found = forms.map((each) => ({ ...each, at: text.search(each.form) })).filter(({ at }) => at >= 0);
    const [first] = found.sort((a, b) => a.at - b.at);
    if (!first || (/^it\b/i.test(text.slice(first.at)) && IMPERSONAL.test(text))) return resolved;
    // A pronoun that follows its own noun points there.
    if (subjectsIn(text.slice(0, first.at)).length > 0) return resolved;
    const whole = meant(subjects);
    if (whole === undefined) return resolved;
    const noun = withoutVerb(whole, text);
    if (meant === thing && SAID_THAT.test(text)) return resolved.replace(SAID_THAT, (said) => `${said} about ${noun}`);
    return resolved.replace(first.form, () => noun + first.ending);
  }, text);
}

/** "How often does the bell ring ring?": the verb was taken for a part of the noun. */
function withoutVerb(noun: string, text: string): string {
  const rest = new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu));
  const words = noun.split(' ');
  while (words.length > 2 && rest.has(words.at(-1)!.toLowerCase())) words.pop();
  return words.join(' ');
}

/** Things that an answer lists: files with what they show, files, or times. */
function listedIn(text: string): string[] {
  const labelled = text.split('\n').flatMap((line) => /^(?<name>[^:]+\.\w{2,4}|[^:]{1,40}): /.exec(line)?.groups?.['name'] ?? []); // prettier-ignore
  if (labelled.length > 1) return labelled;
  const files = text.match(/[\w-]+\.(?:jpe?g|png|webp|gif|avif|heic|tiff?|mp4|mov|webm|mp3|wav|pdf)\b/gi) ?? [];
  return files.length > 1 ? files : (text.match(/\b(?:\d+:)?\d{1,2}:\d{2}\b/g) ?? []);
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
