const actions: Readonly<Record<string, string>> = {
  signed_in: 'Signed in', sign_in_refused: 'Sign-in refused', signed_out: 'Signed out', password_changed: 'Password changed',
  token_created: 'Token created', token_revoked: 'Token revoked', user_created: 'Account created', reset_link_mailed: 'Link for a new password mailed',
  user_disabled: 'Account disabled', user_enabled: 'Account enabled', admin_granted: 'Made administrator', admin_revoked: 'Administrator no more',
  room_created: 'Room created', room_deleted: 'Room deleted', member_joined: 'Joined a room', member_left: 'Left a room', member_kicked: 'Removed from a room',
  member_banned: 'Banned from a room', member_unbanned: 'Ban lifted', role_changed: 'Role changed',
  sensor_shared: 'Sensor shared', sensor_unshared: 'Sensor taken out', grant_given: 'Sensor shared with a person', grant_revoked: 'Share with a person ended',
  sensor_renamed: 'Sensor renamed', sensor_deleted: 'Sensor deleted', exported: 'Exported', imported: 'Imported',
  backed_up: 'Backup made', retention_applied: 'Retention applied', audit_read: 'Audit log read',
};

export const audit = {
  title: () => 'Audit log',
  intro: () => 'What you did and what was done to your account, newest first.',
  introAll: () => 'What everybody did, newest first. That you look at the entries of one person is recorded, too.',
  none: () => 'Nothing is recorded',
  noneText: () => 'Sign-ins, changes, shares, exports and deletions appear here within a second.',
  /** Actions that are newer than this text are shown as they are. */
  action: (a: string) => (Object.hasOwn(actions, a) ? actions[a] : undefined) ?? a,
  everything: () => 'Everything',
  ofUser: () => 'Of a user',
  when: () => 'When',
  what: () => 'What',
  who: () => 'Who',
  toWhom: () => 'To whom',
  details: () => 'Details',
  from: () => 'From',
  you: () => 'You',
  operator: () => 'The operator',
  guest: () => 'Somebody without an account',
  room: () => 'room',
};
