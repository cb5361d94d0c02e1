export interface Turn {
  role: string;
  content: string;
}

/** What a conversation has come to: the last question, whole, what it was about, and the things that its answer listed. */
interface Context {
  question: string;
  subject: string | undefined;
  listed: string[];
}

/**
 * The last question of a conversation so that it can be understood alone: "When is it shown?" after a question about the train
 * asks when the train is shown. Only the words change that point back; what stands alone stays as it is.
 */
export function standalone(turns: readonly Turn[]): string {
  let context: Context = { question: '', subject: undefined, listed: [] };
  for (const { role, content } of turns) {
    if (role === 'user') {
      const question = context.question === '' ? content : resolve(content, context);
      context = { ...context, question, subject: subjectOf(question) ?? context.subject };
    } else if (role === 'assistant') {
      const subject = context.subject ?? subjectOf(content) ?? shortAnswer(content);
      context = { ...context, subject, listed: listedIn(content) };
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
  return withSubject(withListed(asked, context.listed), context.subject);
}

/** The question before, about another thing. */
function instead(thing: string, { question, subject }: Context): string {
  const at = subject === undefined ? -1 : question.toLowerCase().indexOf(subject.toLowerCase());
  if (at >= 0) return question.slice(0, at) + thing + question.slice(at + subject!.length);
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
  return found && item !== undefined && listed.length > 1 ? text.replace(found[0], item) : text;
}

const POINTS_BACK = /\b(?:it|its|this|that|these|those|they|them|their|he|him|his|she|her|hers)\b/i;
/** Words after which "that" stands for what was said, and not before a noun or a clause. */
const ENDS = String.raw`(?=\s*(?:[?.!,]|$|\b(?:is|was|are|were|be|being|happens?|happened|shown|said|mentioned|seen|visible|in|on|at|from|for|again|first|last|before|after|mean|cost|costs|start|starts|end|ends|ring|rings|come|comes|appear|appears|look|looks|do|does)\b))`; // prettier-ignore
const PRONOUN = new RegExp(String.raw`\b(?:it|they|them|he|him|she)\b|\b(?:this|that|these|those|her)\b${ENDS}`, 'i');
const POSSESSIVE = /\b(?:its|their|his|her)\b(?=\s+\p{L})/iu;
const SAID_THAT = /\b(?:said|says|say|told|mentioned)\s+(?:it|this|that)\b(?=\s*(?:[?.!,]|$|\b(?:while|when|in|at|first|last)\b))/i; // prettier-ignore

function withSubject(text: string, subject: string | undefined): string {
  const pronoun = POINTS_BACK.exec(text);
  if (subject === undefined || !pronoun) return text;
  // A pronoun that follows its own noun points there.
  const before = text.slice(0, pronoun.index);
  if (subjectOf(before) !== undefined) return text;
  // "How often does the bell ring ring?": the verb was taken for a part of the noun.
  const rest = new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu));
  const words = subject.split(' ');
  while (words.length > 2 && rest.has(words.at(-1)!.toLowerCase())) words.pop();
  const noun = words.join(' ');
  if (SAID_THAT.test(text)) return text.replace(SAID_THAT, (said) => `${said} about ${noun}`);
  if (POSSESSIVE.test(text)) return text.replace(POSSESSIVE, `${noun}'s`);
  return text.replace(PRONOUN, noun);
}

const DETERMINER = '(?:the|a|an|this|that|these|those|my|our)';
/** What no noun goes on with. */
const NO_NOUN = 'is|are|was|were|be|been|do|does|did|has|have|had|can|could|will|would|shown?|shows|said|says?|mentioned|told|seen|sees?|heard|visible|appears?|happens?|happened|starts?|begins?|ends?|and|or|but|while|when|where|who|which|that|than|then|in|on|at|of|for|from|to|by|with|about|before|after|during|into|first|last|times?|often|it|they|he|she|there|here'; // prettier-ignore
const PHRASE = new RegExp(`\\b${DETERMINER}((?: (?!(?:${NO_NOUN})\\b)[\\p{L}\\p{N}'’-]+){1,3})`, 'giu');
const NAME = /(?<=\S\s)\p{Lu}[\p{Ll}\p{M}]+(?: \p{Lu}[\p{Ll}\p{M}]+)*/gu;
/** The material itself is not what one goes on to ask about. */
const MATERIAL = /\b(?:films?|videos?|movies?|recordings?|pictures?|photos?|photographs?|images?|files?|material|documents?|talk|presentation|time|summary|chapters|difference)$/i; // prettier-ignore

/** What a text is about: a name, else its last noun with an article. */
function subjectOf(text: string): string | undefined {
  const name = text.match(NAME)?.at(-1);
  const phrases = [...text.matchAll(PHRASE)].map(([phrase]) => phrase).filter((phrase) => !MATERIAL.test(phrase));
  return name ?? phrases.at(-1);
}

const MOST_WORDS = 4;

/** An answer of a few words names what it is about: "red chair". */
function shortAnswer(text: string): string | undefined {
  const answer = text.trim().replace(/[.!]+$/, '');
  const words = answer.split(/\s+/);
  if (answer === '' || words.length > MOST_WORDS || /^(?:yes|no|none|\d+)$|[:\d]/i.test(answer)) return undefined;
  return /^(?:the|a|an)\s/i.test(answer) ? answer : `the ${answer}`;
}

/** Things that an answer lists: files with what they show, files, or times. */
function listedIn(text: string): string[] {
  const labelled = text.split('\n').flatMap((line) => /^(?<name>[^:]+\.\w{2,4}|[^:]{1,40}): /.exec(line)?.groups?.['name'] ?? []); // prettier-ignore
  if (labelled.length > 1) return labelled;
  const files = text.match(/[\w-]+\.(?:jpe?g|png|webp|gif|avif|heic|tiff?|mp4|mov|webm|mp3|wav|pdf)\b/gi) ?? [];
  return files.length > 1 ? files : (text.match(/\b(?:\d+:)?\d{1,2}:\d{2}\b/g) ?? []);
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
