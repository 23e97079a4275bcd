import type { Theme } from '../theme.ts';

/** A theme whose colours are their names. */
export const testTheme: Theme = {
  background: 'background',
  surface: 'surface',
  line: 'line',
  text: 'text',
  muted: 'muted',
  accent: 'accent',
  warning: 'warning',
  danger: 'danger',
  traces: ['trace-1', 'trace-2', 'trace-3', 'trace-4', 'trace-5', 'trace-6', 'trace-7', 'trace-8'],
  font: 'sans',
};
