import type { design as en } from '../en/design.ts';
import type { Translation } from '../translation.ts';

export const design: Translation<typeof en> = {
  close: () => 'Schließen',
  messages: () => 'Meldungen',
  undo: () => 'Rückgängig',
  retry: () => 'Noch einmal versuchen',
  cancel: () => 'Abbrechen',
  page: () => 'Designsystem',
  intro: () => 'Woraus die Seiten gebaut sind: Farben, Größen, Kurven und Bausteine, im jetzigen Farbschema.',
  colours: () => 'Farben',
  traces: () => 'Kurven',
  type: () => 'Schrift',
  spacing: () => 'Abstände',
  components: () => 'Bausteine',
  sampleText: () => 'Puls 72 Schläge/min um 12:04:31',
};
