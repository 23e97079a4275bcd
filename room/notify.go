package room

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/sensocto/sensocto"
)

// The kinds of notifications that rooms send; docs/protocol.md says what each holds.
const (
	noteInvitation    = "invitation"
	noteKicked        = "kicked"
	noteBanned        = "banned"
	noteRoleChanged   = "role_changed"
	noteMadeOwner     = "made_owner"
	noteRoomDeleted   = "room_deleted"
	noteSensorGranted = "sensor_granted"
)

// notify tells somebody what happened to them. It has happened: where it cannot be
// told, that is logged.
func (r *Rooms) notify(ctx context.Context, userID, kind string, data map[string]any) {
	if err := r.Notify(context.WithoutCancel(ctx), userID, kind, data); err != nil {
		r.log.Warn("somebody was not notified", "user", userID, "kind", kind, "err", err)
	}
}

// notifyMembers tells all members of a room but one the same.
func (r *Rooms) notifyMembers(ctx context.Context, members []sensocto.Member, but, kind string, data map[string]any) {
	raw, err := json.Marshal(data)
	if err != nil {
		r.log.Error("members were not notified", "kind", kind, "err", err)
		return
	}
	var all []sensocto.Notification
	for _, m := range members {
		if m.UserID != but {
			all = append(all, sensocto.Notification{ID: newID(), UserID: m.UserID, Kind: kind, Data: raw, CreatedAt: now()})
		}
	}
	if err := r.store.InsertNotifications(context.WithoutCancel(ctx), all, r.limits.Notifications); err != nil {
		r.log.Warn("members were not notified", "kind", kind, "members", len(all), "err", err)
		return
	}
	for _, n := range all {
		r.publish(sensocto.UserTopic(n.UserID), sensocto.EventNotification, n.View())
	}
}

// TakeNotice counts a notice of which by will have the user notified, as by invitations
// and grants, or says why there can be none now. Notify does not count by itself.
func (r *Rooms) TakeNotice(by, userID string) error { return r.notices.take(by, userID, now()) }

// Notify keeps a notification for a user and sends it to where the user is.
// data is what has a JSON form that is an object.
func (r *Rooms) Notify(ctx context.Context, userID, kind string, data any) error {
	raw, err := json.Marshal(data)
	if err != nil {
		return err
	}
	n := sensocto.Notification{ID: newID(), UserID: userID, Kind: kind, Data: raw, CreatedAt: now()}
	if err := r.store.InsertNotification(ctx, n, r.limits.Notifications); err != nil {
		return fmt.Errorf("store notification: %w", err)
	}
	r.publish(sensocto.UserTopic(userID), sensocto.EventNotification, n.View())
	return nil
}

// Notifications returns up to limit notifications of the user before an id, the
// newest first.
func (r *Rooms) Notifications(ctx context.Context, id sensocto.Identity, before string, limit int) ([]sensocto.NotificationView, error) {
	if id.UserID == "" {
		return nil, errNoAccount
	}
	list, err := r.store.Notifications(ctx, id.UserID, before, limit)
	if err != nil {
		return nil, fmt.Errorf("list notifications: %w", err)
	}
	views := make([]sensocto.NotificationView, len(list))
	for i, n := range list {
		views[i] = n.View()
	}
	return views, nil
}

// ReadNotification notes that the user has read a notification.
func (r *Rooms) ReadNotification(ctx context.Context, id sensocto.Identity, notificationID string) error {
	if id.UserID == "" {
		return errNoAccount
	}
	return r.store.ReadNotification(ctx, id.UserID, notificationID, now())
}
