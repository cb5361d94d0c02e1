/**
 * The English text normaliser that Whisper's word error rates use (Radford et al. 2022, appendix C), written anew after
 * its description: case, punctuation, fillers, bracketed remarks, contractions, titles, numbers and British spelling
 * are made alike on both sides before words are compared.
 */
export function normaliseEnglish(text: string): string {
  let s = text.toLowerCase();
  s = s.replace(/[<[][^>\]]*[>\]]/g, '').replace(/\(([^)]+?)\)/g, '');
  s = s.replace(/[\u2018\u2019`]/g, "'").replace(/\b(hmm|mm|mhm|mmm|uh|um)\b/g, '');
  s = s.replace(/\s+'/g, "'");
  for (const [pattern, by] of SPOKEN) s = s.replace(pattern, by);
  s = s.replace(/(\d),(\d)/g, '$1$2').replace(/\.([^0-9]|$)/g, ' $1');
  s = s.normalize('NFKD').replace(/\p{M}/gu, '');
  s = s.replace(/[^\p{L}\p{N}\s.%$¢€£']/gu, ' ');
  s = numbers(s.split(/\s+/).filter(Boolean))
    .map((word) => SPELLING[word] ?? word)
    .join(' ');
  s = s.replace(/[.$¢€£]([^0-9])/g, ' $1').replace(/([^0-9])%/g, '$1 ');
  return s.replace(/'/g, '').replace(/\s+/g, ' ').trim();
}

const SPOKEN: [RegExp, string][] = [
  [/\bwon't\b/g, 'will not'],
  [/\bcan't\b/g, 'can not'],
  [/\bcannot\b/g, 'can not'],
  [/\blet's\b/g, 'let us'],
  [/\bain't\b/g, 'aint'],
  [/\by'all\b/g, 'you all'],
  [/\bwanna\b/g, 'want to'],
  [/\bgotta\b/g, 'got to'],
  [/\bgonna\b/g, 'going to'],
  [/\bmr\b\.?/g, 'mister'],
  [/\bmrs\b\.?/g, 'missus'],
  [/\bst\b\.?(?= \p{L})/gu, 'saint'],
  [/\bdr\b\.?/g, 'doctor'],
  [/\bprof\b\.?/g, 'professor'],
  [/\bcapt\b\.?/g, 'captain'],
  [/\bgov\b\.?/g, 'governor'],
  [/\bgen\b\.?/g, 'general'],
  [/\bsen\b\.?/g, 'senator'],
  [/\brev\b\.?/g, 'reverend'],
  [/\bhon\b\.?/g, 'honorable'],
  [/\bjr\b\.?/g, 'junior'],
  [/\besq\b\.?/g, 'esquire'],
  [/n't\b/g, ' not'],
  [/'re\b/g, ' are'],
  [/'ll\b/g, ' will'],
  [/'ve\b/g, ' have'],
  [/'m\b/g, ' am'],
  [/'d been\b/g, ' had been'],
  [/'d\b/g, ' would'],
  [/\b(it|that|there|he|she|what|who|where|here)'s\b/g, '$1 is'],
];

/** The commonest words whose British spelling differs. */
const SPELLING: Record<string, string> = Object.fromEntries(
  (
    'colour:color colours:colors coloured:colored honour:honor honours:honors favour:favor favourite:favorite labour:labor neighbour:neighbor ' +
    'neighbours:neighbors behaviour:behavior centre:center centres:centers theatre:theater grey:gray defence:defense offence:offense licence:license ' +
    'organise:organize organised:organized organisation:organization recognise:recognize recognised:recognized realise:realize realised:realized ' +
    'travelled:traveled travelling:traveling jewellery:jewelry programme:program catalogue:catalog dialogue:dialog judgement:judgment ' +
    'connexion:connection practise:practice practised:practiced mould:mold ageing:aging plough:plow cheque:check tyre:tire'
  )
    .split(' ')
    .map((pair) => pair.split(':') as [string, string]),
);

const UNITS =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(
    ' ',
  );
const TENS = 'twenty thirty forty fifty sixty seventy eighty ninety'.split(' ');
const SCALES: Record<string, number> = { thousand: 1e3, million: 1e6, billion: 1e9 };

/** Number words as digits: "nineteen sixty three" → 1963, "two hundred and five" → 205. */
function numbers(words: string[]): string[] {
  const out: string[] = [];
  for (let at = 0; at < words.length;) {
    const { value, next } = readNumber(words, at);
    if (value === undefined) out.push(words[at++]!);
    else {
      out.push(value);
      at = next;
    }
  }
  return out;
}

function readNumber(words: string[], from: number): { value: string | undefined; next: number } {
  let at = from;
  let total = 0;
  let part: number | undefined;
  const first = below100(words, at);
  if (!first) return { value: undefined, next: from };
  [part, at] = first;
  // Years and telephone style: two numbers below a hundred side by side.
  const pair = part >= 10 ? below100(words, at) : undefined;
  if (pair && pair[0] >= 10 && words[pair[1]] !== 'hundred') return { value: `${part}${pair[0]}`, next: pair[1] };
  for (;;) {
    if (words[at] === 'hundred') {
      part = (part ?? 1) * 100;
      const rest = below100(words, words[at + 1] === 'and' ? at + 2 : at + 1);
      at++;
      if (rest) [part, at] = [part + rest[0], rest[1]];
    }
    const scale = SCALES[words[at] ?? ''];
    if (scale === undefined) break;
    total += (part ?? 1) * scale;
    part = undefined;
    at++;
    const rest = below100(words, words[at] === 'and' ? at + 1 : at);
    if (!rest) break;
    [part, at] = rest;
  }
  return { value: String(total + (part ?? 0)), next: at };
}

function below100(words: string[], at: number): [value: number, next: number] | undefined {
  const word = words[at] ?? '';
  const unit = UNITS.indexOf(word);
  if (unit >= 0) return [unit, at + 1];
  const ten = TENS.indexOf(word);
  if (ten < 0) return undefined;
  const ones = UNITS.indexOf(words[at + 1] ?? '');
  return ones >= 1 && ones <= 9 ? [(ten + 2) * 10 + ones, at + 2] : [(ten + 2) * 10, at + 1];
}
