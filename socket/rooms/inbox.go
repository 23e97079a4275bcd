package rooms

import (
	"context"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket/outbound"
	"github.com/sensocto/sensocto/socket/request"
)

// Inbox is user:{id}: what is for one user alone.
type Inbox struct {
	topics   *Topics
	ch       *outbound.Channel
	userID   string
	identity sensocto.Identity
	feed     outbound.Feed
}

// Inbox returns the topic user:{id} for somebody who joins it.
func (t *Topics) Inbox(ch *outbound.Channel, id sensocto.Identity, userID string) *Inbox {
	return &Inbox{topics: t, ch: ch, userID: userID, identity: id, feed: ch.NewFeed()}
}

// Join implements request.Handler.
func (i *Inbox) Join(context.Context, request.Params) ([]byte, error) {
	if i.topics.Source == nil {
		return nil, request.ErrUnmatchedTopic
	}
	if i.userID == "" || i.userID != i.identity.UserID || len(i.identity.SensorIDs) > 0 {
		return nil, sensocto.ErrUnauthorized
	}
	i.feed.Subscribe(i.ch.Topic)
	return []byte("{}"), nil
}

// Joined implements request.Handler.
func (i *Inbox) Joined() { i.feed.Release(nil) }

// Handle implements request.Handler.
func (i *Inbox) Handle(ctx context.Context, f *phx.Frame) error {
	if string(f.Event) != "notification_read" {
		return request.ErrUnknownEvent
	}
	p, err := request.Parse(f)
	if err != nil {
		return err
	}
	if err := i.topics.Source.ReadNotification(ctx, i.identity, p.Text("id")); err != nil {
		return err
	}
	i.ch.OK(f)
	return nil
}

// Recheck implements request.Handler. The end of the credential ends the topic.
func (i *Inbox) Recheck(context.Context, string) bool { return true }

// Close implements request.Handler.
func (i *Inbox) Close() { i.feed.Close() }
