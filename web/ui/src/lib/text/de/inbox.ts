import { measured } from '../format.ts';
import type { inbox as en } from '../en/inbox.ts';

const text = (data: unknown, key: string): string => {
  const value = typeof data === 'object' && data !== null ? (data as Record<string, unknown>)[key] : undefined;
  return typeof value === 'number' ? measured(value) : typeof value === 'string' ? value : '';
};

export const inbox: typeof en = {
  title: () => 'Benachrichtigungen',
  none: () => 'Noch nichts',
  noneText: () => 'Hier erscheinen Einladungen in Räume und Alarme von Sensoren.',
  text: (kind, data) => {
    if (kind === 'invitation') return `Sie sind in den Raum ${text(data, 'room_name')} eingeladen.`;
    if (kind !== 'alert') return kind;
    const what = text(data, 'name') || text(data, 'condition');
    const value = text(data, 'value');
    return `Alarm von ${text(data, 'sensor_name') || text(data, 'sensor_id')}: ${what}${value ? `, ${value}` : ''}`;
  },
  unread: () => 'Neu',
  markAll: () => 'Alle als gelesen markieren',
  open: () => 'Öffnen',
};
