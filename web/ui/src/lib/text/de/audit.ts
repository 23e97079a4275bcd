import type { audit as en } from '../en/audit.ts';

const actions: Readonly<Record<string, string>> = {
  signed_in: 'Angemeldet', sign_in_refused: 'Anmeldung abgelehnt', signed_out: 'Abgemeldet', password_changed: 'Passwort geändert',
  token_created: 'Token erzeugt', token_revoked: 'Token widerrufen', user_created: 'Konto angelegt', reset_link_made: 'Link für ein neues Passwort erzeugt',
  user_disabled: 'Konto gesperrt', user_enabled: 'Konto entsperrt', admin_granted: 'Zum Verwalter gemacht', admin_revoked: 'Kein Verwalter mehr',
  room_created: 'Raum angelegt', room_deleted: 'Raum gelöscht', member_joined: 'Raum beigetreten', member_left: 'Raum verlassen', member_kicked: 'Aus einem Raum entfernt',
  member_banned: 'Aus einem Raum gesperrt', member_unbanned: 'Sperre aufgehoben', role_changed: 'Rolle geändert',
  sensor_shared: 'Sensor geteilt', sensor_unshared: 'Sensor herausgenommen', grant_given: 'Sensor mit einer Person geteilt', grant_revoked: 'Teilen mit einer Person beendet',
  sensor_renamed: 'Sensor umbenannt', sensor_deleted: 'Sensor gelöscht', exported: 'Exportiert', imported: 'Importiert',
  backed_up: 'Sicherung erstellt', retention_applied: 'Aufbewahrung angewendet', audit_read: 'Protokoll gelesen',
  email_changed: 'E-Mail-Adresse geändert', passkey_added: 'Passkey hinzugefügt', passkey_removed: 'Passkey entfernt', identity_linked: 'Anmeldedienst verknüpft', identity_unlinked: 'Verknüpfung gelöst',
  user_erased: 'Konto gelöscht', user_invited: 'Zum Server eingeladen', room_changed: 'Raum geändert', recording_started: 'Aufnahme gestartet', recording_stopped: 'Aufnahme beendet',
  sensor_handed_over: 'Sensor übergeben', sensor_commanded: 'Befehl gesendet', note_added: 'Notiz hinzugefügt', alert_created: 'Alarm angelegt', alert_changed: 'Alarm geändert',
  alert_deleted: 'Alarm gelöscht',
};

export const audit: typeof en = {
  title: () => 'Protokoll',
  intro: () => 'Was Sie taten und was mit Ihrem Konto geschah, das Neueste zuerst.',
  introAll: () => 'Was alle taten, das Neueste zuerst. Dass Sie die Einträge einer Person ansehen, wird ebenfalls festgehalten.',
  none: () => 'Nichts festgehalten',
  noneText: () => 'Anmeldungen, Änderungen, geteilte Sensoren, Exporte und Löschungen erscheinen hier binnen einer Sekunde.',
  action: (a) => (Object.hasOwn(actions, a) ? actions[a] : undefined) ?? a,
  everything: () => 'Alles',
  ofUser: () => 'Von einer Person',
  when: () => 'Wann',
  what: () => 'Was',
  who: () => 'Wer',
  toWhom: () => 'Wem',
  details: () => 'Einzelheiten',
  from: () => 'Von',
  you: () => 'Sie',
  operator: () => 'Der Betreiber',
  guest: () => 'Jemand ohne Konto',
  room: () => 'Raum',
};
