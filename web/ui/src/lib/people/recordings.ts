import { ask } from '../app/api.ts';
import { part, query } from './query.ts';
import type { Page, Recording } from './types.ts';

const path = (roomId: string, id = '') => `/rooms/${part(roomId)}/recordings${id && `/${part(id)}`}`;

/** The recordings of a room, newest first. */
export async function recordings(roomId: string, before: string, signal: AbortSignal): Promise<Page<Recording>> {
  const answer = await ask<{ recordings: Recording[]; next: string }>('GET', path(roomId) + query({ before, limit: 50 }), undefined, signal);
  return { items: answer.recordings, next: answer.next };
}

export const startRecording = (roomId: string, name: string): Promise<Recording> => ask('POST', path(roomId), name ? { name } : {});
export const stopRecording = (roomId: string, id: string): Promise<Recording> => ask('POST', `${path(roomId, id)}/stop`);
/** Removes the entry; the measurements stay. */
export const deleteRecording = (roomId: string, id: string): Promise<void> => ask('DELETE', path(roomId, id));

export const exportFormats = ['csv', 'parquet'] as const;
export type ExportFormat = (typeof exportFormats)[number];
export const exportPath = (roomId: string, id: string, format: ExportFormat): string => `${path(roomId, id)}/export?format=${format}`;
