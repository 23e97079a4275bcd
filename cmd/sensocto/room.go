package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

type roomCmd struct {
	List        roomListCmd        `cmd:"" help:"List your rooms, or public ones."`
	Create      roomCreateCmd      `cmd:"" help:"Make a room, and print its id and join code."`
	Join        roomJoinCmd        `cmd:"" help:"Join a room with its code, a public one by its id, or one of another server with its ticket."`
	Leave       roomLeaveCmd       `cmd:"" help:"Leave a room."`
	Delete      roomDeleteCmd      `cmd:"" help:"Delete a room; the sensors in it stay their owners'."`
	Members     roomMembersCmd     `cmd:"" help:"List who is in a room."`
	Role        roomRoleCmd        `cmd:"" help:"Make a member guest, member or admin, or the room's owner."`
	Kick        roomKickCmd        `cmd:"" help:"Remove a member, who may come back: from another server by a ticket made since."`
	Ban         roomBanCmd         `cmd:"" help:"Remove somebody, who may not come back, or list who may not."`
	Unban       roomUnbanCmd       `cmd:"" help:"Lift a ban: from another server somebody comes back by a ticket made since."`
	Code        roomCodeCmd        `cmd:"" help:"Print a room's join code and link, or make another code."`
	Invite      roomInviteCmd      `cmd:"" help:"Invite somebody by e-mail address or user id."`
	Invitations roomInvitationsCmd `cmd:"" help:"List the invitations that wait for an answer, or withdraw one."`
	Share       roomShareCmd       `cmd:"" help:"Bring one of your sensors into a room, or take it out."`
	Move        roomMoveCmd        `cmd:"" help:"End all tickets of a room, and lock out the servers of people who were removed."`
	Ticket      roomTicketCmd      `cmd:"" help:"Print a ticket with which people of other servers join a room."`
	Tickets     roomTicketsCmd     `cmd:"" help:"List the tickets of a room that admit people, or end one."`
	Keep        roomKeepCmd        `cmd:"" help:"Store sensors of other servers here as well while they are watched."`
	Record      roomRecordCmd      `cmd:"" help:"Record all sensors of a room until Ctrl-C, or list what it recorded."`
	Export      roomExportCmd      `cmd:"" help:"Download a recording as one ZIP archive."`
}

// Help is shown by --help.
func (roomCmd) Help() string {
	return `Rooms are for people: sign in with 'sensocto login' first, or give a personal token.
A room is named by its id, as 'sensocto room list' shows it; a user by the id that
'sensocto room members' shows.

Examples:
  sensocto room create "Sleep lab"
  sensocto room join 7GK2M-Q9XRT
  sensocto room invite 0199d2b7-… ada@example.org
  sensocto room share chest-strap-7 0199d2b7-…
  sensocto room export 0199d2b7-… 0199d2c1-… --output night.zip
`
}

// apiRoom is a room as the API answers it.
type apiRoom struct {
	ID          string
	Name        string
	Role        string
	MemberCount int    `json:"member_count"`
	IsPublic    bool   `json:"is_public"`
	JoinCode    string `json:"join_code"`
	JoinLink    string `json:"join_link"`
	ExpiresAt   string `json:"code_expires_at"`
	Sensors     []struct {
		ID string `json:"sensor_id"`
	}
}

type roomListCmd struct {
	remoteFlags
	Public bool `help:"Public rooms, also those that you are not in."`
}

// Run prints a table.
func (c roomListCmd) Run(a *app) error {
	l := apiList{path: "/rooms", key: "rooms", cursor: "after", query: url.Values{"scope": {"mine"}}, header: "ID\tNAME\tYOU ARE\tMEMBERS\tSENSORS\tPUBLIC\tCODE",
		empty: "You are in no room: 'sensocto room create NAME' makes one, 'sensocto room join CODE' enters one."}
	if c.Public {
		l.query.Set("scope", "public")
		l.empty = "There are no public rooms."
	}
	return printList(a, c.remoteFlags, l, func(r apiRoom) []string {
		return []string{r.ID, r.Name, orDash(r.Role), strconv.Itoa(r.MemberCount), strconv.Itoa(len(r.Sensors)), yes(r.IsPublic, "no"), orDash(r.JoinCode)}
	})
}

type roomCreateCmd struct {
	remoteFlags
	Name        string `arg:"" help:"What the room is called."`
	Description string `help:"What it is for."`
	Public      bool   `help:"Let everybody who has an account find and join it."`
}

// Run prints the id and the code, separated by a tab.
func (c roomCreateCmd) Run(a *app) error {
	var r apiRoom
	err := c.ask(a, http.MethodPost, "/rooms", map[string]any{"name": c.Name, "description": c.Description, "is_public": c.Public}, &r)
	if err == nil {
		fmt.Fprintf(a.stdout, "%s\t%s\n", r.ID, r.JoinCode)
	}
	return err
}

type roomJoinCmd struct {
	remoteFlags
	Room string `arg:"" help:"Join code, the id of a public room, or a ticket of another server's room."`
}

// Run joins, and prints the room's id and name.
func (c roomJoinCmd) Run(a *app) error {
	path, body := "/rooms/join", any(map[string]string{"code": c.Room})
	switch {
	case strings.Contains(c.Room, "sensocto-room-"):
		path, body = "/rooms/join-ticket", map[string]string{"ticket": c.Room}
	case strings.Count(c.Room, "-") == 4: // a UUID
		path, body = roomPath(c.Room, "join"), nil
	}
	var r apiRoom
	err := c.ask(a, http.MethodPost, path, body, &r)
	if err == nil {
		fmt.Fprintf(a.stdout, "%s\t%s\n", r.ID, r.Name)
	}
	return err
}

type roomLeaveCmd struct{ roomFlags }

// Run leaves.
func (c roomLeaveCmd) Run(a *app) error {
	return c.ask(a, http.MethodPost, c.path("leave"), nil, nil)
}

type roomDeleteCmd struct {
	roomFlags
	Yes bool `help:"Required: it cannot be undone. The members are notified."`
}

// Run deletes the room.
func (c roomDeleteCmd) Run(a *app) error {
	if !c.Yes {
		return usagef("this removes the room with its members, invitations and entries of recordings: repeat it with --yes")
	}
	return c.ask(a, http.MethodDelete, c.path(), nil, nil)
}

type roomShareCmd struct {
	remoteFlags
	Sensor     string `arg:"" help:"Id of the sensor, which must be yours."`
	Room       string `arg:"" help:"The room's id."`
	Control    bool   `help:"Let members send commands to it."`
	AllHistory bool   `help:"Let members see what was before, too."`
	End        bool   `help:"Take it out of the room."`
}

// Run shares the sensor, or ends that.
func (c roomShareCmd) Run(a *app) error {
	path := roomPath(c.Room, "sensors", c.Sensor)
	if c.End {
		return c.ask(a, http.MethodDelete, path, nil, nil)
	}
	history := "since_shared"
	if c.AllHistory {
		history = "all"
	}
	return c.ask(a, http.MethodPut, path, map[string]any{"control": c.Control, "history": history}, nil)
}

type roomRecordCmd struct {
	roomFlags
	Name string `help:"What the recording is called; by default the time."`
	List bool   `help:"List what the room recorded."`
}

// Run records until it is stopped, or lists.
func (c roomRecordCmd) Run(a *app) error {
	if c.List {
		return c.list(a)
	}
	var rec struct {
		ID, Name  string
		SensorIDs []string `json:"sensor_ids"`
	}
	if err := c.ask(a, http.MethodPost, c.path("recordings"), map[string]string{"name": c.Name}, &rec); err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "Recording %q, %d sensors. Ctrl-C ends it.\n", rec.Name, len(rec.SensorIDs))
	<-a.ctx.Done()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.ctx), 15*time.Second)
	defer cancel()
	if err := (&apiClient{remoteFlags: c.remoteFlags}).call(ctx, http.MethodPost, c.path("recordings", rec.ID, "stop"), nil, nil); err != nil {
		return fmt.Errorf("the recording goes on: %w", err)
	}
	fmt.Fprintln(a.stdout, rec.ID)
	return nil
}

func (c roomRecordCmd) list(a *app) error {
	type recording struct {
		ID, Name  string
		BeganAt   string   `json:"began_at"`
		EndedAt   string   `json:"ended_at"`
		SensorIDs []string `json:"sensor_ids"`
	}
	l := apiList{path: c.path("recordings"), key: "recordings", cursor: "before", header: "ID\tNAME\tBEGAN\tENDED\tSENSORS",
		empty: "The room has recorded nothing: 'sensocto room record ROOM' begins."}
	return printList(a, c.remoteFlags, l, func(r recording) []string {
		return []string{r.ID, r.Name, r.BeganAt, orDash(r.EndedAt), strconv.Itoa(len(r.SensorIDs))}
	})
}
