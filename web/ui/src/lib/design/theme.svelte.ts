/** What a person chose: a theme, or to follow the system. */
export type ThemeChoice = 'system' | 'light' | 'dark';

const key = 'sensocto.theme';
const choices: readonly ThemeChoice[] = ['system', 'light', 'dark'];

/** The theme of the page: chosen, remembered in this browser, and set as data-theme of the root element. */
class Theme {
  #choice = $state<ThemeChoice>('system');
  #systemDark = $state(false);
  #dark = $derived(this.#choice === 'system' ? this.#systemDark : this.#choice === 'dark');

  get choice(): ThemeChoice {
    return this.#choice;
  }

  /** Whether the page is dark now. Canvases redraw when this changes: the tokens have other values then. */
  get dark(): boolean {
    return this.#dark;
  }

  choose(choice: ThemeChoice): void {
    this.#choice = choice;
    localStorage.setItem(key, choice);
    this.#apply();
  }

  /** Reads the choice and follows the system for as long as the page lives. */
  start(): void {
    const kept = localStorage.getItem(key);
    this.#choice = choices.find((c) => c === kept) ?? 'system';
    const query = matchMedia('(prefers-color-scheme: dark)');
    this.#systemDark = query.matches;
    query.addEventListener('change', () => {
      this.#systemDark = query.matches;
      this.#apply();
    });
    this.#apply();
  }

  #apply(): void {
    document.documentElement.dataset['theme'] = this.#dark ? 'dark' : 'light';
  }
}

export const theme = new Theme();
