/** The number that somebody typed, with a point or a comma. It throws where that is none. */
export function numberIn(text: string): number {
  const value = Number(text.trim().replace(',', '.'));
  if (text.trim() === '' || !Number.isFinite(value)) throw new NotANumber(text);
  return value;
}

/** What was typed is no number; `explain` has the words. */
export class NotANumber extends Error {
  override readonly name = 'NotANumber';
}
