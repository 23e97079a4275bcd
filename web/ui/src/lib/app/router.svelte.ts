import type { Component } from 'svelte';

/** A view and where it is: a pattern such as /rooms/:id, and what loads it. */
export interface Route {
  readonly path: string;
  readonly load: () => Promise<{ default: Component }>;
}

export type Params = Readonly<Record<string, string>>;

/** What an address shows; undefined where the pattern does not match. */
export function match(pattern: string, path: string): Params | undefined {
  const want = pattern.split('/');
  const got = path.split('/');
  if (want.length !== got.length) return undefined;
  const params: Record<string, string> = {};
  for (const [i, part] of want.entries()) {
    const value = got[i] ?? '';
    if (part.startsWith(':') && value !== '') params[part.slice(1)] = decode(value);
    else if (part !== value) return undefined;
  }
  return params;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a stray % in an address that somebody typed
  }
}

/** The address of the page. Links to views are ordinary <a href>; clicks on them stay in the page. */
export class Router {
  #path = $state(location.pathname);
  #search = $state(location.search);
  #hash = $state(location.hash);
  #routes: readonly Route[];
  #found = $derived.by(() => this.#find(this.#path));
  #query = $derived(new URLSearchParams(this.#search));

  constructor(routes: readonly Route[]) {
    this.#routes = routes;
  }

  get path(): string {
    return this.#path;
  }
  get query(): URLSearchParams {
    return this.#query;
  }
  /** What follows the #, which no server sees. */
  get hash(): string {
    return this.#hash.slice(1);
  }
  get route(): Route | undefined {
    return this.#found?.route;
  }
  get params(): Params {
    return this.#found?.params ?? {};
  }

  /** Whether the app has a view for a path. */
  has(path: string): boolean {
    return this.#find(path) !== undefined;
  }

  /** Shows an address; replace leaves no entry in the history. */
  go(to: string, options: { replace?: boolean } = {}): void {
    if (options.replace) history.replaceState(null, '', to);
    else history.pushState(null, '', to);
    this.#read();
  }

  /** Follows the history and clicks on links for as long as the page lives. */
  start(): void {
    addEventListener('popstate', () => this.#read());
    document.addEventListener('click', (event) => this.#click(event));
  }

  #read(): void {
    this.#path = location.pathname;
    this.#search = location.search;
    this.#hash = location.hash;
  }

  #find(path: string): { route: Route; params: Params } | undefined {
    for (const route of this.#routes) {
      const params = match(route.path, path);
      if (params) return { route, params };
    }
    return undefined;
  }

  #click(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin || !this.has(link.pathname)) return;
    if (link.hash && link.pathname === location.pathname && link.search === location.search) return; // within the page
    event.preventDefault();
    this.go(link.pathname + link.search + link.hash);
  }
}
