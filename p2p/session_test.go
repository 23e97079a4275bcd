package p2p

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
)

// taker is a sensor of another server as it is here.
type taker struct {
	Sensors
	err   error // of what is taken
	taken []int64
	kept  int
}

func (k *taker) AddRemote(context.Context, string, sensocto.Registration) error { return nil }

func (k *taker) KeepRemote(context.Context, string) error {
	k.kept++
	return nil
}

func (k *taker) TakeRemote(_ context.Context, b *sensocto.Batch, _ bool) error {
	if k.err == nil {
		for _, m := range b.Measurements {
			k.taken = append(k.taken, m.Number)
		}
	}
	return k.err
}

// ConnectRemote connects a device whose sensor is deleted at once.
func (k *taker) ConnectRemote(_ context.Context, _ string, _ sensocto.Registration, d sensocto.Device) (sensocto.SensorLink, error) {
	d.Replaced()
	return aLink{}, nil
}

type aLink struct{ sensocto.SensorLink }

func aSession(k *taker) *session {
	r := &remote{live: newLive(&Live{Sensors: k}, &RoomSync{}), asked: map[uint64]*asked{}, wake: make(chan struct{}, 1), kick: make(chan struct{}, 1)}
	return &session{remote: r, sent: map[uint64]bool{}, names: map[string]string{}, ahead: map[string]int64{}}
}

func (s *session) take(t *testing.T, kind byte, body []byte) error {
	t.Helper()
	return s.handle(t.Context(), kind, body)
}

func numbered(first int64, n int) []byte {
	samples := make([]sensocto.Sample, n)
	for i := range samples {
		samples[i].Timestamp = time.Now().UnixMicro()
	}
	return appendRun(nil, "ecg", first, samples)
}

// Samples that the sensor here did not take are asked for again.
func TestSession_WhatWasNotTakenComesAgain(t *testing.T) {
	k := &taker{err: errors.New("full")}
	s := aSession(k)
	if err := s.take(t, frameBegin, []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	if err := s.take(t, frameData, numbered(0, 2)); err != k.err || len(s.next) > 0 {
		t.Errorf("%v, goes on at %v", err, s.next)
	}
	k.err = nil
	twice := append(numbered(0, 3), numbered(1, 3)...)
	if err := s.take(t, frameData, twice); err != nil || s.next["ecg"] != 4 || !slices.Equal(k.taken, []int64{0, 1, 2, 3}) {
		t.Errorf("%v, goes on at %v behind %v", err, s.next, k.taken)
	}
	if n := s.live.count.received.Load(); n != 4 {
		t.Errorf("%d samples count as arrived", n)
	}
}

// A sensor that was deleted and added again is kept anew.
func TestSession_KeepsASensorThatWasAddedAgain(t *testing.T) {
	k := &taker{}
	s := aSession(k)
	s.next, s.remote.place.keep = map[string]int64{}, true
	for i := range int64(4) {
		if i == 2 {
			if err := s.take(t, frameState, []byte(`{"name":"Strap","type":"ecg"}`)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.take(t, frameData, numbered(i, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if k.kept != 2 {
		t.Errorf("kept %d times", k.kept)
	}
}

func TestSession_ADeviceThatIsReplacedWhileItConnectsIsNotConnected(t *testing.T) {
	s := aSession(&taker{})
	if err := s.take(t, frameState, []byte(`{"name":"Strap","type":"ecg","online":true}`)); err != nil || s.link != nil {
		t.Errorf("%v, connected: %v", err, s.link)
	}
}
