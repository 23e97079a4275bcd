package backup

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// What is known about people is lines of JSON that whoever keeps them makes and
// reads: this package carries them.

func (w *writer) people() error {
	if w.source.People == nil {
		return nil
	}
	list, err := w.source.People(w.ctx)
	if err != nil {
		return fmt.Errorf("list people: %w", err)
	}
	w.totals.People = int64(len(list))
	return lines(w, kindPeople, list, func(line json.RawMessage) any { return line })
}

func (s *scanner) takePeople(payload []byte) error {
	for line := range bytes.Lines(payload) {
		if !json.Valid(line) {
			return damaged("a row about people is no JSON")
		}
		s.totals.People++
		if s.handler.Person == nil {
			continue
		}
		if err := s.handler.Person(bytes.TrimSpace(line)); err != nil {
			return err
		}
	}
	return nil
}
