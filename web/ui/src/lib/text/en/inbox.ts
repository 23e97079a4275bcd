import { measured } from '../format.ts';

const text = (data: unknown, key: string): string => {
  const value = typeof data === 'object' && data !== null ? (data as Record<string, unknown>)[key] : undefined;
  return typeof value === 'number' ? measured(value) : typeof value === 'string' ? value : '';
};

export const inbox = {
  title: () => 'Notifications',
  none: () => 'Nothing yet',
  noneText: () => 'Invitations into rooms and alerts of sensors appear here.',
  /** What a notification says; data is what the server sent with it. */
  text: (kind: string, data: unknown): string => {
    if (kind === 'invitation') return `You are invited into the room ${text(data, 'room_name')}.`;
    if (kind !== 'alert') return kind;
    const what = text(data, 'name') || text(data, 'condition');
    const value = text(data, 'value');
    return `Alert of ${text(data, 'sensor_name') || text(data, 'sensor_id')}: ${what}${value ? `, ${value}` : ''}`;
  },
  unread: () => 'New',
  markAll: () => 'Mark all as read',
  open: () => 'Open',
};
