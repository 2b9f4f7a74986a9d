// Where a text says what was asked for.
const STOP = new Set(
  ("a about all an and any are as at be by can do does for from have how i in into is it its me my of on or our so" +
    " that the them there this to up us we what when where which who will with you your help like look looking need" +
    " please tool tools use using want ai").split(" "),
);
const CJK = "\\u3041-\\u30ff\\u3400-\\u4dbf\\u4e00-\\u9fff\\uac00-\\ud7a3";
const WORD = new RegExp(`[${CJK}]+|[^\\s\\p{P}\\p{S}${CJK}]+`, "gu");

/** A pattern of the query's words with their endings, or null if it has none. */
export function wordsPattern(query) {
  const found = [...new Set(query.normalize("NFKC").toLowerCase().match(WORD) ?? [])];
  const telling = found.filter((word) => !STOP.has(word));
  const parts = (telling.length ? telling : found).slice(0, 64).flatMap(alternatives);
  if (!parts.length) return null;
  return new RegExp(parts.sort((a, b) => b.length - a.length).join("|"), "giu");
}

// A word holds no punctuation and no symbols, so nothing in it means anything else in a pattern.
function alternatives(word) {
  if (new RegExp(`[${CJK}]`).test(word)) return prefixes(word);
  const stem = word.length > 4 ? word.replace(/(?:ations?|ators?|ates?|ating|ings?|ers?|ed|es|e|s)$/, "") : word;
  const base = stem.length >= 4 ? `${stem}[a-z]{0,6}` : `${word}s?`;
  return [`(?<![\\p{Script=Latin}\\p{N}])${base}(?![\\p{Script=Latin}\\p{N}])`];
}

/** A Korean word's endings vary: any beginning of two syllables or more counts. */
function prefixes(word) {
  if (word.length < 3) return [word];
  return Array.from({ length: Math.min(word.length, 16) - 1 }, (_, n) => word.slice(0, n + 2));
}

/** The text as nodes, the pattern's words in <mark>. */
export function marked(text, pattern) {
  if (!pattern) return [text];
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > end) nodes.push(text.slice(end, match.index));
    const mark = document.createElement("mark");
    mark.textContent = match[0];
    nodes.push(mark);
    end = match.index + match[0].length;
  }
  nodes.push(text.slice(end));
  return nodes;
}

/** The part of a long text, at most `size` characters, in which most of the words stand. */
export function excerpt(text, pattern, size) {
  if (text.length <= size) return text;
  const places = pattern ? [...text.matchAll(pattern)].map((match) => match.index) : [];
  let start = 0;
  let most = 0;
  for (const place of places) {
    const inside = places.filter((other) => other >= place && other < place + size * 0.8).length;
    if (inside > most) [start, most] = [place, inside];
  }
  start = start < size * 0.5 ? 0 : wordStart(text, Math.round(start - size * 0.15));
  const cut = text.slice(start, start + size);
  const short = start + size < text.length ? cut.replace(/\s\S{0,20}$/u, "") + " …" : cut;
  return (start > 0 ? "… " : "") + short;
}

function wordStart(text, at) {
  const space = text.lastIndexOf(" ", at);
  return at - space < 20 ? space + 1 : at;
}
