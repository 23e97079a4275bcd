package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/p2p"
)

type roomTicketCmd struct {
	roomFlags
	Role string `enum:"member,guest,reader" default:"member" help:"What its bearer becomes: member, guest or reader."`
}

// Run prints the ticket.
func (c roomTicketCmd) Run(a *app) error {
	var t struct{ Ticket string }
	err := c.ask(a, http.MethodPost, c.path("tickets"), map[string]string{"role": c.Role}, &t)
	if err == nil {
		fmt.Fprintln(a.stdout, t.Ticket)
	}
	return err
}

type roomTicketsCmd struct {
	roomFlags
	End string `placeholder:"ID" help:"End this ticket: it admits nobody any more. Who came by it stays."`
}

// Help is shown by --help.
func (roomTicketsCmd) Help() string {
	return `Lists the tickets that admit people, the newest first, without their secrets. Those that only
read are not among them: 'sensocto room move' ends these, too.

Examples:
  sensocto room tickets 0199f1c2-7a3e-7000-8000-5a1f00c0ffee
  sensocto room tickets 0199f1c2-7a3e-7000-8000-5a1f00c0ffee --end 7vsc…`
}

// Run lists, or ends one.
func (c roomTicketsCmd) Run(a *app) error {
	if c.End != "" {
		return c.ask(a, http.MethodDelete, c.path("tickets", c.End), nil, nil)
	}
	var list struct{ Tickets []sensocto.P2PTicket }
	if err := c.ask(a, http.MethodGet, c.path("tickets"), nil, &list); err != nil {
		return err
	}
	if len(list.Tickets) == 0 {
		fmt.Fprintln(a.stderr, "No ticket admits anybody: 'sensocto room ticket ROOM' makes one.")
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tROLE\tMADE")
	for _, t := range list.Tickets {
		fmt.Fprintf(w, "%s\t%s\t%s\n", t.ID, t.Role, t.MadeAt.Format(time.RFC3339))
	}
	return w.Flush()
}

type roomMoveCmd struct {
	roomFlags
	Yes bool `help:"Required: tickets of before admit nobody any more."`
}

// Help is shown by --help.
func (roomMoveCmd) Help() string {
	return `Removing somebody from a room that servers share takes their rights, but their server can go on
reading what the room is called and who is in it: it has the secret of the room's document. This
command makes a new document, of which only the servers of the remaining members learn. They follow
by themselves, also those that are off now. All tickets of before end. It is for the room's owner,
at the server that made the room.

Example:
  sensocto room kick 0199f1c2-7a3e-7000-8000-5a1f00c0ffee 0199f1c2-9b21-7000-8000-00000000cafe
  sensocto room move 0199f1c2-7a3e-7000-8000-5a1f00c0ffee --yes`
}

// Run moves the room, and says who has not followed yet.
func (c roomMoveCmd) Run(a *app) error {
	if !c.Yes {
		return usagef("all tickets of the room would end: give --yes if you mean it")
	}
	var r sensocto.P2PRoom
	if err := c.ask(a, http.MethodPost, c.path("move"), nil, &r); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, "The room has moved; no ticket of before admits anybody.")
	if len(r.Waiting) > 0 {
		fmt.Fprintf(a.stdout, "Their servers follow by themselves, once they are on: %s\n", strings.Join(r.Waiting, ", "))
	}
	return nil
}

type roomKeepCmd struct {
	roomFlags
	Off bool `help:"No longer store them; what is stored stays."`
}

// Help is shown by --help.
func (roomKeepCmd) Help() string {
	return `In a room that servers share, measurements of another server's sensor pass through this one only
while somebody watches, and are not stored. With this switch every server of the room stores what is
watched there. It is for administrators of the room.

Example:
  sensocto room keep 0199f1c2-7a3e-7000-8000-5a1f00c0ffee`
}

// Run changes the room's setting, and leaves the others as they are.
func (c roomKeepCmd) Run(a *app) error {
	var room struct {
		Settings map[string]json.RawMessage
		Version  int64
	}
	if err := c.ask(a, http.MethodGet, c.path(), nil, &room); err != nil {
		return err
	}
	settings := map[string]json.RawMessage{}
	maps.Copy(settings, room.Settings)
	settings[p2p.KeepSetting] = json.RawMessage("true")
	if c.Off {
		delete(settings, p2p.KeepSetting)
	}
	api := &apiClient{remoteFlags: c.remoteFlags, ifMatch: fmt.Sprintf("%q", strconv.FormatInt(room.Version, 10))}
	return api.call(a.ctx, http.MethodPatch, c.path(), map[string]any{"settings": settings}, nil)
}
