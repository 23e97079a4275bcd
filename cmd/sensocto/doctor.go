package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/call"
	"github.com/sensocto/sensocto/client"
)

type doctorCmd struct {
	Call doctorCallCmd `cmd:"" help:"Say whether calls can work from here."`
}

type doctorCallCmd struct {
	remoteFlags
	Verbose bool `short:"v" help:"Log every frame that was not understood."`
}

// Help is shown by --help.
func (doctorCallCmd) Help() string {
	return `Makes a room for a moment, joins its call as two devices of yours, and asks each STUN and TURN
server that the server names, as a browser here would: for an address, for a relay, and whether a packet goes from one relay to
the other. Nobody else sees anything of it, and the room is deleted at the end.

Needs an account: sign in with 'sensocto login'.

Examples:
  sensocto doctor call
  sensocto doctor call --server https://sensors.example.org`
}

// probeTime bounds the questions to one server.
const probeTime = 15 * time.Second

// errNoCalls is the verdict; what was found is printed before.
var errNoCalls = errors.New("calls do not work from here as they are configured")

// Run asks and prints one line for each answer.
func (c doctorCallCmd) Run(a *app) (err error) {
	var room apiRoom
	if err := c.ask(a, http.MethodPost, "/rooms", map[string]string{"name": "sensocto doctor"}, &room); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.remove(a, room.ID)) }()
	began := time.Now()
	first, leave, err := c.join(a, room.ID)
	if err != nil {
		return err
	}
	defer leave()
	fmt.Fprintf(a.stdout, "ok      signalling: a call was joined in %v\n", time.Since(began).Round(time.Millisecond))
	second, leave, err := c.join(a, room.ID)
	if err != nil {
		return err
	}
	defer leave()
	return c.verdict(a, c.askServers(a, first.ICEServers, second.ICEServers))
}

// remove deletes the room, also after Ctrl-C.
func (c doctorCallCmd) remove(a *app, roomID string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.ctx), probeTime)
	defer cancel()
	return (&apiClient{remoteFlags: c.remoteFlags}).call(ctx, http.MethodDelete, roomPath(roomID), nil, nil)
}

// join joins the call of a room over a connection of its own.
func (c doctorCallCmd) join(a *app, roomID string) (reply sensocto.CallReply, leave func(), err error) {
	conn, err := c.dial(a, client.Options{Log: a.logger(c.Verbose)})
	if err != nil {
		return reply, nil, err
	}
	got := make(chan json.RawMessage, 1)
	ctx, cancel := context.WithTimeout(a.ctx, probeTime)
	defer cancel()
	_, err = conn.Join(ctx, sensocto.TopicPrefixRoom+roomID+":call", client.ChannelOptions{OnJoin: func(r json.RawMessage) {
		select {
		case got <- slices.Clone(r):
		default: // of a rejoin
		}
	}})
	if err == nil {
		err = json.Unmarshal(<-got, &reply)
	}
	if err != nil {
		return reply, nil, errors.Join(c.explain(err), conn.Close())
	}
	return reply, func() { _ = conn.Close() }, nil
}

// health is what was found.
type health struct {
	outside, relay int
	failed         []string // the addresses of servers
}

// askServers asks each server, as a peer of either kind was told of it.
func (c doctorCallCmd) askServers(a *app, first, second []sensocto.ICEServer) (h health) {
	for i, s := range first {
		for _, url := range s.URLs {
			ctx, cancel := context.WithTimeout(a.ctx, probeTime)
			at, err := call.Probe(ctx, s, url)
			var took time.Duration
			isTURN := isTURN(url)
			if err == nil && isTURN && i < len(second) {
				took, err = call.ProbeRelayed(ctx, s, second[i], url)
			}
			cancel()
			switch {
			case err != nil:
				h.failed = append(h.failed, url)
				fmt.Fprintf(a.stdout, "FAILED  %s: %v\n", url, err)
			case isTURN:
				h.relay++
				fmt.Fprintf(a.stdout, "ok      %s: relays at %v, a packet from relay to relay took %v\n", url, at, took.Round(10*time.Microsecond))
			default:
				h.outside++
				fmt.Fprintf(a.stdout, "ok      %s: sees you at %v\n", url, at)
			}
		}
	}
	return h
}

// verdict says what that means for calls.
func (c doctorCallCmd) verdict(a *app, h health) error {
	switch {
	case h.relay > 0:
		fmt.Fprintln(a.stdout, "Calls work from here, also through firewalls that let nothing but the relay through.")
	case h.outside > 0:
		fmt.Fprintln(a.stdout, "Calls work with most people. Behind strict firewalls they need a TURN server: set turn.listen and turn.public, or call.ice_servers.")
	case len(h.failed) == 0:
		fmt.Fprintln(a.stdout, "Calls work with people in one network. Beyond it they need a STUN and a TURN server: set turn.listen and turn.public, or call.ice_servers.")
	}
	switch {
	case len(h.failed) == 0:
		return nil
	case h.relay+h.outside == 0:
		return errNoCalls
	}
	return fmt.Errorf("not every configured server works from here: %s", strings.Join(h.failed, ", "))
}
