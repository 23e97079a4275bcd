/** The actions of the audit log that have a name of their own. The server may know more. */
export const auditActions = [
  'signed_in', 'sign_in_refused', 'signed_out', 'password_changed', 'token_created', 'token_revoked',
  'user_created', 'reset_link_mailed', 'user_disabled', 'user_enabled', 'admin_granted', 'admin_revoked',
  'room_created', 'room_deleted', 'member_joined', 'member_left', 'member_kicked', 'member_banned', 'member_unbanned', 'role_changed',
  'sensor_shared', 'sensor_unshared', 'grant_given', 'grant_revoked', 'sensor_renamed', 'sensor_deleted', 'exported', 'imported',
  'backed_up', 'retention_applied', 'audit_read',
] as const;
export type AuditAction = (typeof auditActions)[number];
