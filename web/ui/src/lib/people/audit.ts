/** The actions of the audit log that have a name of their own. The server may know more. */
export const auditActions = [
  'signed_in', 'sign_in_refused', 'signed_out', 'password_changed', 'email_changed', 'passkey_added', 'passkey_removed', 'identity_linked', 'identity_unlinked',
  'token_created', 'token_revoked', 'user_created', 'user_disabled', 'user_enabled', 'user_erased', 'user_invited', 'reset_link_made', 'admin_granted', 'admin_revoked',
  'room_created', 'room_changed', 'room_deleted', 'member_joined', 'member_left', 'member_kicked', 'member_banned', 'member_unbanned', 'role_changed',
  'recording_started', 'recording_stopped',
  'sensor_shared', 'sensor_unshared', 'grant_given', 'grant_revoked', 'sensor_renamed', 'sensor_deleted', 'sensor_handed_over', 'sensor_commanded', 'note_added',
  'exported', 'imported', 'alert_created', 'alert_changed', 'alert_deleted',
  'backed_up', 'retention_applied', 'audit_read',
] as const;
export type AuditAction = (typeof auditActions)[number];
