import type * as english from './en/index.ts';
import type { Translation } from './translation.ts';

/** The texts of one language: m.area.message(…). English decides which there are. */
export type Messages = { readonly [Area in keyof typeof english]: Translation<(typeof english)[Area]> };
export type Language = 'en' | 'de';

/** Each language under its own name. */
export const languages: Readonly<Record<Language, string>> = { en: 'English', de: 'Deutsch' };

const load: Readonly<Record<Language, () => Promise<Messages>>> = {
  en: () => import('./en/index.ts'),
  de: () => import('./de/index.ts'),
};

const key = 'sensocto.language';
const isLanguage = (tag: string | null | undefined): tag is Language => tag !== null && tag !== undefined && Object.hasOwn(languages, tag);

/** The language of somebody with these preferences, best first. */
export function languageOf(kept: string | null, preferences: readonly string[]): Language {
  if (isLanguage(kept)) return kept;
  for (const preference of preferences) {
    const base = preference.split('-')[0]?.toLowerCase();
    if (isLanguage(base)) return base;
  }
  return 'en';
}

class Text {
  #messages = $state.raw<Messages>();
  #language = $state<Language>('en');

  get language(): Language {
    return this.#language;
  }

  get messages(): Messages {
    if (!this.#messages) throw new Error('text.start() has not finished');
    return this.#messages;
  }

  /** For Intl: the browser's region where it speaks the language, such as en-GB. */
  get locale(): string {
    const language = this.#language;
    return globalThis.navigator?.languages?.find((l) => l.split('-')[0] === language) ?? language;
  }

  /** Loads the language of this browser; before the first view. */
  async start(): Promise<void> {
    await this.#use(languageOf(localStorage.getItem(key), navigator.languages));
  }

  /** Changes the language and remembers it. */
  async choose(language: Language): Promise<void> {
    localStorage.setItem(key, language);
    await this.#use(language);
  }

  /** Sets the texts of a language, for tests without a browser. */
  async use(language: Language): Promise<void> {
    this.#messages = await load[language]();
    this.#language = language;
  }

  async #use(language: Language): Promise<void> {
    await this.use(language);
    document.documentElement.lang = language;
  }
}

export const text = new Text();

/** The texts of the present language. What reads them in a template follows a change of language. */
export const m: Messages = new Proxy({} as Messages, { get: (_, area) => Reflect.get(text.messages, area) as unknown });
