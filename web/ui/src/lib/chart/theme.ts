/** Colours and type of the page as a canvas takes them. */
export interface Theme {
  readonly background: string;
  readonly surface: string;
  readonly line: string;
  readonly text: string;
  readonly muted: string;
  readonly accent: string;
  readonly warning: string;
  readonly danger: string;
  /** Of traces 1 to 8. */
  readonly traces: readonly string[];
  readonly font: string;
}

export const TRACES = 8;

/** What a page without tokens is drawn with. */
const FALLBACK: Record<string, string> = {
  '--color-bg': '#ffffff',
  '--color-surface': '#ffffff',
  '--color-line': '#d5dae0',
  '--color-text': '#14181d',
  '--color-muted': '#5b6570',
  '--color-accent': '#0b62c4',
  '--color-warning': '#9a5b00',
  '--color-danger': '#b3261e',
};

/** The resolved colour of a token: an element computes var() and light-dark(). */
function resolve(probe: HTMLElement, token: string, fallback: string): string {
  probe.style.color = '';
  probe.style.color = `var(${token}, ${fallback})`;
  return getComputedStyle(probe).color;
}

function readTheme(): Theme {
  const probe = document.createElement('span');
  probe.hidden = true;
  document.body.append(probe);
  const color = (token: string): string => resolve(probe, token, FALLBACK[token] ?? '#0b62c4');
  const theme: Theme = {
    background: color('--color-bg'),
    surface: color('--color-surface'),
    line: color('--color-line'),
    text: color('--color-text'),
    muted: color('--color-muted'),
    accent: color('--color-accent'),
    warning: color('--color-warning'),
    danger: color('--color-danger'),
    traces: Array.from({ length: TRACES }, (_, i) => color(`--trace-${i + 1}`)),
    font: getComputedStyle(probe).fontFamily,
  };
  probe.remove();
  return theme;
}

let current: Theme | undefined;
const changed = new Set<() => void>();

function watchTheme(): void {
  const refresh = (): void => {
    current = undefined;
    changed.forEach((f) => f());
  };
  for (const query of ['(prefers-color-scheme: dark)', '(prefers-contrast: more)', '(forced-colors: active)']) {
    matchMedia(query).addEventListener('change', refresh);
  }
  new MutationObserver(refresh).observe(document.documentElement, { attributes: true, attributeFilter: ['class', 'data-theme', 'style'] });
}

/** The theme; it is read from the tokens once after each change. */
export function theme(): Theme {
  current ??= readTheme();
  return current;
}

let watching = false;

/** Calls back after the theme changed; returns what ends that. */
export function onThemeChange(callback: () => void): () => void {
  if (!watching) watchTheme();
  watching = true;
  changed.add(callback);
  return () => changed.delete(callback);
}

/** Colour of trace n, from 1 on; beyond eight they begin again. */
export const traceColour = (t: Theme, n: number): string => t.traces[(n - 1) % TRACES] as string;
