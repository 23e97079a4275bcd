package socket

import (
	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/socket/outbound"
)

// onlooker is who watches sensors on one channel: its gaze lies on all of them.
type onlooker struct {
	attention sensocto.Attention
	id        sensocto.ViewerID
	gaze      sensocto.Gaze
}

// watched is one sensor that an onlooker watches. It alone decides at which level
// that is: attention, which the sensor's device follows, and the feed are told.
type watched struct {
	feed     outbound.Feed // subscribed before the first look
	by       *onlooker
	sensorID string
	asked    sensocto.AttentionLevel // that the viewer asked for last
}

// look takes the level that the viewer asks for.
func (w *watched) look(asked sensocto.AttentionLevel) {
	w.asked = asked
	w.update()
}

// update has what was asked for and the gaze take effect, at once.
func (w *watched) update() {
	level := w.by.gaze.Level(w.asked)
	w.by.attention.Look(w.by.id, w.sensorID, level)
	w.feed.SetLevel(level)
}

// close ends the watching. It may be called twice.
func (w *watched) close() {
	w.feed.Close()
	w.by.attention.Leave(w.by.id, w.sensorID)
}
