/** The little of XML that qstat writes: elements without attributes of importance, text with the five entities. No parser of documents. */

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

export function unescapeXml(text: string): string {
  return text.replaceAll(/&(#x[0-9a-fA-F]+|#\d+|\w+);/g, (whole, name: string) => {
    if (!name.startsWith('#')) return entities[name] ?? whole;
    const code = name.startsWith('#x') ? parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

/** The bodies of all elements of that name, in order; an element that does not end before the next begins is given as `broken`. */
export function elements(xml: string, name: string): { readonly whole: readonly string[]; readonly broken: readonly string[] } {
  const whole: string[] = [];
  const broken: string[] = [];
  for (const piece of xml.split(new RegExp(`<${name}(?:\\s[^>]*)?>`)).slice(1)) {
    const end = piece.indexOf(`</${name}>`);
    if (end < 0) broken.push(piece.slice(0, 300));
    else whole.push(piece.slice(0, end));
  }
  return { whole, broken };
}

/** The text of the first element of that name in a body. */
export function field(body: string, name: string): string | undefined {
  const match = new RegExp(`<${name}(?:\\s[^>]*)?>([^<]*)</${name}>`).exec(body);
  return match === null ? (new RegExp(`<${name}\\s*/>`).test(body) ? '' : undefined) : unescapeXml(match[1] ?? '').trim();
}
