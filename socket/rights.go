package socket

import (
	"context"
	"slices"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/socket/request"
)

// What a channel may show is asked when it is joined, and again when rights may
// have changed: before the call that changes them returns, what has lost its
// right has ended. Nothing is asked while measurements flow.

// stillMay returns sensocto.ErrUnauthorized where the identity sees less of the past of
// a sensor than it did with the rights before.
func (s *Server) stillMay(ctx context.Context, id sensocto.Identity, sensorID string, before sensocto.SensorRights) error {
	now, err := s.rights.Sensor(ctx, id, sensorID)
	switch {
	case err != nil:
		return err
	case before.Live && !now.Live, before.History && !now.History, now.Since.After(before.Since), now.LiveSince.After(before.LiveSince):
		return sensocto.ErrUnauthorized
	}
	return nil
}

// onRightsChanged ends what users may see no more; nil stands for everybody. What
// shows one thing goes first: lists have to be read again for it.
func (s *Server) onRightsChanged(userIDs []string) {
	s.revocations.Add(1) // joins that are under way ask again
	affected := s.connsOf(userIDs)
	lost := map[*conn][]*channel{}
	for _, lists := range []bool{false, true} {
		for _, c := range affected {
			lost[c] = append(lost[c], c.recheckIf("", func(ch *channel) bool { return ch.family.isList() == lists })...)
		}
	}
	s.closeHandlers(lost)
}

// Recheck asks again who may see a sensor: it was not known whose it is, and it is
// known now.
func (s *Server) Recheck(sensorID string) {
	s.revocations.Add(1)
	if !s.outbound.Watched(sensorID) && !s.pubsub.Subscribed(sensocto.SignalTopic(sensorID)) { // as nearly always
		return
	}
	topics := []string{sensocto.DataTopic(sensorID), sensocto.SignalTopic(sensorID), sensocto.TopicPrefixSensor + sensorID}
	lost := map[*conn][]*channel{}
	for _, c := range s.all() {
		if channels := c.recheckIf(sensorID, func(ch *channel) bool { return ch.family == familyViewer || slices.Contains(topics, ch.Topic) }); len(channels) > 0 {
			lost[c] = channels
		}
	}
	s.closeHandlers(lost)
}

// connsOf returns the connections of users, or of all whose rights may change.
func (s *Server) connsOf(userIDs []string) (list []*conn) {
	wanted := make(map[string]struct{}, len(userIDs))
	for _, id := range userIDs {
		wanted[id] = struct{}{}
	}
	for _, c := range s.all() {
		c.mu.Lock()
		who := c.who
		c.mu.Unlock()
		if _, is := wanted[who.identity.UserID]; who.known && !who.identity.Operator() && (is || userIDs == nil) {
			list = append(list, c)
		}
	}
	return list
}

// recheckIf ends those of the channels that may not stay, and returns them; their
// handlers are left to be closed, which may block.
func (c *conn) recheckIf(only string, is func(*channel) bool) (lost []*channel) {
	c.mu.Lock()
	handlers := map[*channel]request.Handler{}
	for _, ch := range c.channels {
		if is(ch) {
			handlers[ch] = ch.handler
		}
	}
	c.mu.Unlock()
	for ch, h := range handlers {
		if h.Recheck(c.ctx, only) {
			continue
		}
		c.forget(ch)
		// What waits of a sensor is not for the viewer any more. What waits of a room
		// says why the topic ends: room_closed.
		if ch.End(ch.family != familyRoom) {
			lost = append(lost, ch)
		}
	}
	return lost
}

// closeHandlers closes the handlers of channels that have ended: on a goroutine
// of its own, since that may block.
func (s *Server) closeHandlers(lost map[*conn][]*channel) {
	closeAll := func() {
		for c, channels := range lost {
			for _, ch := range channels {
				c.closeHandler(ch)
			}
		}
	}
	s.mu.Lock()
	alive := len(s.conns) > 0
	if alive && len(lost) > 0 {
		s.tasks.Go(closeAll)
	}
	s.mu.Unlock()
	if !alive { // all have ended meanwhile; Shutdown may wait for the tasks already, so there must be no new one
		closeAll()
	}
}
