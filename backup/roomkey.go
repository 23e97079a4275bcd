package backup

import "bytes"

// RoomKeyBytes is the length of the secret from which the keys of shared rooms and their
// people are made.
const RoomKeyBytes = 32

func (w *writer) roomKey() error {
	if w.source.RoomKey == nil {
		return nil
	}
	key, err := w.source.RoomKey()
	if err != nil || key == nil {
		return err
	}
	return w.entry(kindRoomKey, key)
}

func (s *scanner) takeRoomKey(payload []byte) error {
	if len(payload) != RoomKeyBytes || s.roomKey {
		return damaged("the key of shared rooms is none")
	}
	s.roomKey = true
	if s.handler.RoomKey == nil {
		return nil
	}
	return s.handler.RoomKey(bytes.Clone(payload))
}
