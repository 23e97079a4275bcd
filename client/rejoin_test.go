package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/client"
)

// refs returns the join ref and the ref of a frame.
func refs(t *testing.T, frame []byte) (joinRef, ref string) {
	t.Helper()
	var parts [5]json.RawMessage
	if err := json.Unmarshal(frame, &parts); err != nil {
		t.Fatal(err)
	}
	return string(parts[0]), string(parts[1])
}

// Else the server would go on sending to nobody, and count a viewer who is gone.
func TestChannel_LeavesWhatIsJoinedTooLate(t *testing.T) {
	late := func(t *testing.T, peer *peer, join []byte) {
		t.Helper()
		peer.reply(join, "ok", "{}")
		of, _ := refs(t, peer.next("phx_leave"))
		if is, _ := refs(t, join); of != is {
			t.Errorf("leaves join %s, want %s", of, is)
		}
	}
	t.Run("who joins waits no longer", func(t *testing.T) {
		peer := newPeer(t)
		peer.auto = false
		c := peer.dial(client.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		joined := make(chan error, 1)
		go func() {
			_, err := c.Join(ctx, "data:s1", client.ChannelOptions{})
			joined <- err
		}()
		join := peer.next("phx_join")
		cancel()
		if err := <-joined; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		late(t, peer, join)
	})
	t.Run("left while a rejoin is under way", func(t *testing.T) {
		peer := newPeer(t)
		peer.auto = false
		c := peer.dial(client.Options{})
		go peer.acceptJoins(1)
		ch, err := c.Join(t.Context(), "data:s1", client.ChannelOptions{})
		if err != nil {
			t.Fatal(err)
		}
		peer.closeWith(websocket.CloseAbnormalClosure)
		join := peer.next("phx_join")
		if err := ch.Leave(t.Context()); !errors.Is(err, client.ErrDisconnected) {
			t.Fatal(err)
		}
		late(t, peer, join)
	})
}

func TestView_LooksAsItSaidWhileARejoinWasUnderWay(t *testing.T) {
	peer := newPeer(t)
	peer.auto = false
	c := peer.dial(client.Options{})
	go peer.acceptJoins(1)
	v, err := c.View(t.Context(), "s1", client.ViewOptions{})
	if err != nil {
		t.Fatal(err)
	}
	peer.closeWith(websocket.CloseAbnormalClosure)
	join := peer.next("phx_join")
	if err := v.SetAttention(t.Context(), sensocto.AttentionLow); !errors.Is(err, client.ErrDisconnected) {
		t.Fatal(err)
	}
	peer.reply(join, "ok", "{}")
	if join = peer.next("phx_join"); !strings.Contains(string(join), `"attention":"low"`) {
		t.Fatalf("joins with %s", join)
	}
	peer.reply(join, "ok", "{}")
	eventually(t, v.Joined)
}

// What is asked while a viewer watches again what it watched before counts.
func TestViewer_UnwatchesWhileItWatchesAgain(t *testing.T) {
	peer := newPeer(t)
	peer.response = `{"sensors":[],"refused":[]}`
	c := peer.dial(client.Options{})
	v, err := c.Viewer(t.Context(), "me", client.ViewOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for id, level := range map[string]sensocto.AttentionLevel{"a": sensocto.AttentionHigh, "b": sensocto.AttentionLow} {
		if _, _, err := v.Watch(t.Context(), level, id); err != nil {
			t.Fatal(err)
		}
	}
	peer.byHand.Store(true)
	peer.closeWith(websocket.CloseAbnormalClosure)
	peer.reply(peer.next("phx_join"), "ok", "{}")

	var asked []string // in order
	answer := func(frame []byte) {
		asked = append(asked, string(frame))
		peer.reply(frame, "ok", peer.response)
	}
	first := peer.next("watch")
	other := "a"
	if strings.Contains(string(first), `["a"]`) {
		other = "b"
	}
	unwatched := make(chan error, 1)
	go func() { unwatched <- v.Unwatch(t.Context(), other) }()
	select {
	case early := <-peer.frames:
		answer(early)
	case <-time.After(50 * time.Millisecond): // it waits for its turn
	}
	answer(first)
	for len(asked) < 3 {
		answer(peer.read())
	}
	if err := <-unwatched; err != nil {
		t.Fatal(err)
	}
	last := slices.IndexFunc(asked, func(f string) bool { return strings.Contains(f, `"unwatch"`) })
	if again := slices.IndexFunc(asked, func(f string) bool {
		return strings.Contains(f, `"watch"`) && strings.Contains(f, `["`+other+`"]`)
	}); last < again {
		t.Errorf("%s is watched after it was unwatched: %q", other, asked)
	}
}
