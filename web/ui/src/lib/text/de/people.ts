import type { people as en } from '../en/people.ts';

export const people: typeof en = {
  typeToConfirm: (word) => `Zur Bestätigung „${word}“ eingeben`,
  copy: () => 'Kopieren',
  copied: () => 'Kopiert.',
  copyByHand: () => 'Markiert: mit Strg-C oder ⌘-C kopieren.',
  notRead: () => 'Das konnte nicht gelesen werden',
  showMore: () => 'Mehr anzeigen',
  save: () => 'Speichern',
  done: () => 'Fertig',
  saved: () => 'Bei Ihren Downloads gespeichert.',
  actions: () => 'Aktionen',
  notANumber: (text) => (text.trim() === '' ? 'Geben Sie eine Zahl ein.' : `„${text}“ ist keine Zahl.`),
  never: () => 'nie',
  unknown: () => 'unbekannt',
};
