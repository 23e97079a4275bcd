package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/sensocto/sensocto"
)

type p2pCmd struct {
	Status p2pStatusCmd `cmd:"" help:"Show how rooms, or one of them, are shared with other servers."`
}

// Help is shown by --help.
func (p2pCmd) Help() string {
	return `Servers share rooms directly, without a server in common: switch it on with --p2p-listen
of 'sensocto serve', make a ticket with 'sensocto room ticket', and join with
'sensocto room join TICKET' at the other server.

Examples:
  sensocto p2p status 0199f1c2-7a3e-7000-8000-5a1f00c0ffee
  SENSOCTO_TOKEN=$(sensocto token create --name status --scope admin) sensocto p2p status
`
}

type p2pStatusCmd struct {
	remoteFlags
	Room string `arg:"" optional:"" help:"The room's id, as 'sensocto room list' shows it; by default all rooms of the server."`
}

// Help is shown by --help.
func (p2pStatusCmd) Help() string {
	return `With a room: how that is shared, for whoever is in it.

Without: the server's endpoint, and a row for each room. That takes a token with the scope admin,
which 'sensocto token create --name NAME --scope admin' makes on the server's machine. The token of
'sensocto login' does not have it, also where you are an administrator; the app shows the same to
administrators, on the status page.

Examples:
  sensocto p2p status 0199f1c2-7a3e-7000-8000-5a1f00c0ffee
  SENSOCTO_TOKEN=$(sensocto token create --name status --scope admin) sensocto p2p status`
}

// Run prints how one room is shared, or the endpoint and a row for each room.
func (c p2pStatusCmd) Run(a *app) error {
	if c.Room != "" {
		return c.room(a)
	}
	var s sensocto.P2PStatus
	if err := c.ask(a, http.MethodGet, "/p2p", nil, &s); err != nil {
		if refused, ok := errors.AsType[*refusal](err); ok && refused.status == http.StatusForbidden {
			err = withHint(err, "'sensocto p2p status ROOM' shows one room to whoever is in it")
		}
		return err
	}
	if !s.Running {
		fmt.Fprintf(a.stdout, "not running: %s\n", s.Problem)
	} else {
		connected := 0
		for _, p := range s.Peers {
			if p.Path != "none" {
				connected++
			}
		}
		fmt.Fprintf(a.stdout, "endpoint %s, relay %s, peers connected %d of %d, restarts %d, bytes sent %d, received %d\n", s.Endpoint, orDash(s.Relay), connected, len(s.Peers), s.Restarts, s.Sent, s.Received)
	}
	if len(s.Rooms) == 0 && !s.Running {
		return nil
	}
	if len(s.Rooms) == 0 {
		fmt.Fprintln(a.stdout, "No room is shared: 'sensocto room ticket ROOM' makes a ticket for one.")
		return nil
	}
	return printSharing(a, s.Rooms)
}

// room prints a row for one room, and what there is to know about it.
func (c p2pStatusCmd) room(a *app) error {
	var r sensocto.P2PRoom
	if err := c.ask(a, http.MethodGet, roomPath(c.Room, "p2p"), nil, &r); err != nil {
		return err
	}
	if err := printSharing(a, []sensocto.P2PRoom{r}); err != nil {
		return err
	}
	for _, note := range sharingNotes(r) {
		fmt.Fprintln(a.stdout, note)
	}
	return nil
}

func printSharing(a *app, rooms []sensocto.P2PRoom) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ROOM\tPEERS\tSYNCED\tPENDING\tLAG\tRETRIES\tMISSING\tREFUSED\tPROBLEM")
	for _, r := range rooms {
		var peers []string
		for _, p := range r.Peers {
			peers = append(peers, strings.TrimLeft(strings.Join(p.Names, ", ")+" "+p.Endpoint[:min(8, len(p.Endpoint))]+" "+p.Path, " "))
		}
		synced, refused := "never", 0
		if r.SyncedAt != nil {
			synced = r.SyncedAt.Format("2006-01-02 15:04:05")
		}
		for _, n := range r.Refused {
			refused += n
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%v\t%d\t%d\t%d\t%s\n", r.RoomID, orDash(strings.Join(peers, "; ")), synced, r.Pending, time.Duration(r.LagMS)*time.Millisecond, r.Retries, r.Missing, refused, orDash(sharingProblem(r)))
	}
	return w.Flush()
}

func sharingProblem(r sensocto.P2PRoom) string {
	switch {
	case r.Flooded:
		return "flooded: somebody writes too much"
	case r.Problem != "":
		return r.Problem
	case r.Moved:
		return "moved: a new ticket leads there"
	case r.Following:
		return "moving"
	case r.Restored:
		return "restored: it may have moved since the backup"
	case len(r.Waiting) > 0:
		return "not followed yet: " + strings.Join(r.Waiting, ", ")
	}
	return ""
}

// sharingNotes say in words what a room's row does not.
func sharingNotes(r sensocto.P2PRoom) (notes []string) {
	switch {
	case !r.Shared && r.Sidecar != "running": // nobody knows who has it
	case !r.Shared:
		notes = append(notes, "No other server has the room: 'sensocto room ticket "+r.RoomID+"' makes a ticket for one.")
	case r.Own:
		notes = append(notes, "The room was made at this server: tickets are made here.")
	case r.ReadOnly:
		notes = append(notes, "The room came by a ticket that only reads: what is changed here stays here.")
	default:
		notes = append(notes, "The room was made at another server: tickets are made there.")
	}
	switch {
	case r.Sidecar == "absent":
		notes = append(notes, "Nothing is exchanged: sensocto-sidecar is not installed at this server. Its operator builds it with 'make sidecar'; it is used as soon as it is there.")
	case r.Sidecar == "down":
		notes = append(notes, "Nothing is exchanged now: sensocto-sidecar is being started. Look again in a minute; if it stays away, the server's log says why.")
	case r.Loopback:
		notes = append(notes, "Only servers on the same machine reach this one: its operator sets p2p.listen to another address than loopback for others.")
	}
	return notes
}
