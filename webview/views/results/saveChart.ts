/**
 * A chart as a file of its own. Rule: the picture carries its colours and fonts with it (resolved from the theme as it is now) and its ground,
 * so that it looks the same in a paper as on screen; nothing that only a page understands is left in it.
 */
const namespace = 'http://www.w3.org/2000/svg';
const carried = ['fill', 'fill-opacity', 'stroke', 'stroke-width', 'stroke-opacity', 'stroke-linejoin', 'stroke-linecap', 'opacity', 'font-size', 'font-weight', 'text-anchor'] as const;
const margin = 12;

export interface SavedChart {
  readonly name: string;
  readonly svg: string;
  readonly width: number;
  readonly height: number;
}

/** Any colour that CSS knows, as `rgb(…)` or `rgba(…)`, which every reader of SVG knows. */
function plainColour(): (colour: string) => string {
  const canvas = document.createElement('canvas');
  canvas.width = 1;
  canvas.height = 1;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const known = new Map<string, string>();
  return (colour) => {
    if (!context || colour === 'none' || colour === '' || colour.startsWith('url')) return colour;
    let plain = known.get(colour);
    if (plain === undefined) {
      context.clearRect(0, 0, 1, 1);
      context.fillStyle = colour;
      context.fillRect(0, 0, 1, 1);
      const [red = 0, green = 0, blue = 0, alpha = 255] = context.getImageData(0, 0, 1, 1).data;
      plain = alpha === 255 ? `rgb(${red},${green},${blue})` : `rgba(${red},${green},${blue},${(alpha / 255).toFixed(3)})`;
      known.set(colour, plain);
    }
    return plain;
  };
}

/** One or several pieces of the page in one picture, where they stand. Charts are copied, tables of coloured cells are drawn. */
export function chartFile(name: string, root: HTMLElement, title: string): SavedChart {
  const colour = plainColour();
  const ground = colour(getComputedStyle(document.body).backgroundColor);
  const foreground = colour(getComputedStyle(document.body).color);
  const family = getComputedStyle(document.body).fontFamily;
  const frame = root.getBoundingClientRect();
  const head = 24;
  const width = Math.ceil(frame.width) + 2 * margin;
  const height = Math.ceil(frame.height) + 2 * margin + head;
  const out = document.createElementNS(namespace, 'svg');
  out.setAttribute('xmlns', namespace);
  for (const [key, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}`, 'font-family': family })) out.setAttribute(key, String(value));
  const rectangle = (x: number, y: number, w: number, h: number, fill: string): SVGElement => {
    const element = document.createElementNS(namespace, 'rect');
    for (const [key, value] of Object.entries({ x, y, width: w, height: h, fill })) element.setAttribute(key, String(value));
    return element;
  };
  const words = (text: string, x: number, y: number, fill: string, size: string, anchor: string, weight: string): SVGElement => {
    const element = document.createElementNS(namespace, 'text');
    for (const [key, value] of Object.entries({ x, y, fill, 'font-size': size, 'text-anchor': anchor, 'font-weight': weight })) element.setAttribute(key, String(value));
    element.textContent = text;
    return element;
  };
  out.append(rectangle(0, 0, width, height, ground), words(title, margin, margin + 12, foreground, '13px', 'start', '600'));
  const placed = (box: DOMRect): { x: number; y: number } => ({ x: box.left - frame.left + margin, y: box.top - frame.top + margin + head });
  for (const chart of root.querySelectorAll<SVGSVGElement>('svg.chart')) {
    const { x, y } = placed(chart.getBoundingClientRect());
    const group = document.createElementNS(namespace, 'g');
    group.setAttribute('transform', `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
    for (const child of chart.children) {
      const copy = resolved(child, colour);
      if (copy) group.append(copy);
    }
    out.append(group);
  }
  for (const cell of root.querySelectorAll<HTMLElement>('figcaption strong, figcaption .quiet, table.heat th, table.heat td, table.heat button, .axis-name')) {
    if (cell.closest('.unseen')) continue;
    const style = getComputedStyle(cell);
    const box = cell.getBoundingClientRect();
    const { x, y } = placed(box);
    if (cell.classList.contains('good-ramp')) out.append(rectangle(x, y, box.width, box.height, colour(style.backgroundColor)));
    const text = cell.tagName === 'TD' && cell.querySelector('button') ? '' : cell.innerText.trim();
    if (text === '' || cell.classList.contains('empty')) continue;
    const centred = cell.tagName !== 'STRONG' && !cell.classList.contains('quiet') && style.textAlign !== 'right';
    const right = style.textAlign === 'right';
    out.append(words(text, right ? x + box.width - 6 : centred ? x + box.width / 2 : x, y + box.height / 2 + 4, colour(style.color), style.fontSize, right ? 'end' : centred ? 'middle' : 'start', style.fontWeight));
  }
  // not translated: the head of a file
  return { name, svg: `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(out)}\n`, width, height };
}

/** A copy without what only the page needs. */
function resolved(element: Element, colour: (text: string) => string): Element | undefined {
  if (element.matches('.grip, .handle, title')) return undefined;
  const copy = document.createElementNS(namespace, element.localName);
  const style = getComputedStyle(element);
  for (const name of ['d', 'x', 'y', 'x1', 'x2', 'y1', 'y2', 'cx', 'cy', 'r', 'rx', 'dx', 'width', 'height', 'transform']) {
    const value = element.getAttribute(name);
    if (value !== null) copy.setAttribute(name, value);
  }
  if (element.localName !== 'g') {
    for (const name of carried) {
      const value = style.getPropertyValue(name);
      if (value !== '') copy.setAttribute(name, name === 'fill' || name === 'stroke' ? colour(value) : value);
    }
  }
  for (const child of element.childNodes) {
    if (child instanceof Element) {
      const inner = resolved(child, colour);
      if (inner) copy.append(inner);
    } else if (child instanceof Text && element.localName === 'text') copy.append(child.data);
  }
  return copy;
}

/** As a PNG at twice the size, in base64. */
export async function pngOf(chart: SavedChart): Promise<string> {
  const image = new Image();
  const address = URL.createObjectURL(new Blob([chart.svg], { type: 'image/svg+xml' }));
  try {
    image.src = address;
    await image.decode();
    const canvas = document.createElement('canvas');
    canvas.width = chart.width * 2;
    canvas.height = chart.height * 2;
    const context = canvas.getContext('2d');
    if (!context) throw new Error('This page cannot draw pictures.');
    context.scale(2, 2);
    context.drawImage(image, 0, 0);
    return canvas.toDataURL('image/png').replace(/^data:image\/png;base64,/, '');
  } finally {
    URL.revokeObjectURL(address);
  }
}
