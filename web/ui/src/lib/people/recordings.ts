import { answer, api } from '../app/api.ts';
import type { Page, Recording } from './types.ts';

const recording = (id: string, recording_id: string) => ({ params: { path: { id, recording_id } } });

/** The recordings of a room, newest first. */
export async function recordings(id: string, before: string, signal: AbortSignal): Promise<Page<Recording>> {
  const { recordings, next } = await answer(api.GET('/api/v1/rooms/{id}/recordings', { params: { path: { id }, query: { before, limit: 50 } }, signal }));
  return { items: recordings, next };
}

export const startRecording = (id: string, name: string): Promise<Recording> =>
  answer(api.POST('/api/v1/rooms/{id}/recordings', { params: { path: { id } }, body: name ? { name } : {} }));
export const stopRecording = (roomId: string, id: string): Promise<Recording> => answer(api.POST('/api/v1/rooms/{id}/recordings/{recording_id}/stop', recording(roomId, id)));
/** Removes the entry; the measurements stay. */
export const deleteRecording = (roomId: string, id: string): Promise<void> => answer(api.DELETE('/api/v1/rooms/{id}/recordings/{recording_id}', recording(roomId, id)));

export const exportFormats = ['csv', 'parquet'] as const;
export type ExportFormat = (typeof exportFormats)[number];
export const exportPath = (roomId: string, id: string, format: ExportFormat): string =>
  `/rooms/${encodeURIComponent(roomId)}/recordings/${encodeURIComponent(id)}/export?format=${format}`;
