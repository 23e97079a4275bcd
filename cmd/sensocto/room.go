package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"
)

type roomCmd struct {
	List    roomListCmd    `cmd:"" help:"List your rooms, or public ones."`
	Create  roomCreateCmd  `cmd:"" help:"Make a room, and print its id and join code."`
	Join    roomJoinCmd    `cmd:"" help:"Join a room with its code, or a public one by its id."`
	Leave   roomLeaveCmd   `cmd:"" help:"Leave a room."`
	Members roomMembersCmd `cmd:"" help:"List who is in a room."`
	Share   roomShareCmd   `cmd:"" help:"Bring one of your sensors into a room, or take it out."`
	Record  roomRecordCmd  `cmd:"" help:"Record all sensors of a room until Ctrl-C, or list what it recorded."`
}

// Help is shown by --help.
func (roomCmd) Help() string {
	return `Rooms are for people: sign in with 'sensocto login' first, or give a personal token.
A room is named by its id, as 'sensocto room list' shows it.

Examples:
  sensocto room create "Sleep lab"
  sensocto room join 7GK2M-Q9XRT
  sensocto room share chest-strap-7 0199d2b7-…`
}

// apiRoom is a room as the API answers it.
type apiRoom struct {
	ID          string
	Name        string
	Role        string
	MemberCount int    `json:"member_count"`
	IsPublic    bool   `json:"is_public"`
	JoinCode    string `json:"join_code"`
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
	api := &apiClient{remoteFlags: c.remoteFlags}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tNAME\tYOU ARE\tMEMBERS\tSENSORS\tPUBLIC\tCODE")
	query := url.Values{"limit": {"500"}, "scope": {"mine"}}
	if c.Public {
		query.Set("scope", "public")
	}
	for {
		var page struct {
			Rooms []apiRoom
			Next  string
		}
		if err := api.call(a.ctx, http.MethodGet, "/rooms?"+query.Encode(), nil, &page); err != nil {
			return err
		}
		for _, r := range page.Rooms {
			public := "no"
			if r.IsPublic {
				public = "yes"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%s\t%s\n", r.ID, r.Name, orDash(r.Role), r.MemberCount, len(r.Sensors), public, orDash(r.JoinCode))
		}
		if page.Next == "" {
			return w.Flush()
		}
		query.Set("after", page.Next)
	}
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
	err := (&apiClient{remoteFlags: c.remoteFlags}).call(a.ctx, http.MethodPost, "/rooms",
		map[string]any{"name": c.Name, "description": c.Description, "is_public": c.Public}, &r)
	if err == nil {
		fmt.Fprintf(a.stdout, "%s\t%s\n", r.ID, r.JoinCode)
	}
	return err
}

type roomJoinCmd struct {
	remoteFlags
	Room string `arg:"" help:"Join code, or the id of a public room."`
}

// Run joins, and prints the room's id and name.
func (c roomJoinCmd) Run(a *app) error {
	api := &apiClient{remoteFlags: c.remoteFlags}
	var r apiRoom
	var err error
	if strings.Count(c.Room, "-") == 4 { // a UUID
		err = api.call(a.ctx, http.MethodPost, "/rooms/"+url.PathEscape(c.Room)+"/join", nil, &r)
	} else {
		err = api.call(a.ctx, http.MethodPost, "/rooms/join", map[string]string{"code": c.Room}, &r)
	}
	if err == nil {
		fmt.Fprintf(a.stdout, "%s\t%s\n", r.ID, r.Name)
	}
	return err
}

type roomLeaveCmd struct {
	remoteFlags
	Room string `arg:"" help:"The room's id."`
}

// Run leaves.
func (c roomLeaveCmd) Run(a *app) error {
	return (&apiClient{remoteFlags: c.remoteFlags}).call(a.ctx, http.MethodPost, "/rooms/"+url.PathEscape(c.Room)+"/leave", nil, nil)
}

type roomMembersCmd struct {
	remoteFlags
	Room string `arg:"" help:"The room's id."`
}

// Run prints a table.
func (c roomMembersCmd) Run(a *app) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "USER\tNAME\tROLE\tJOINED\tHERE")
	query := url.Values{"limit": {"500"}}
	for {
		var page struct {
			Members []struct {
				UserID   string `json:"user_id"`
				Name     string
				Role     string
				JoinedAt string `json:"joined_at"`
				Online   bool
			}
			Next string
		}
		path := "/rooms/" + url.PathEscape(c.Room) + "/members?" + query.Encode()
		if err := (&apiClient{remoteFlags: c.remoteFlags}).call(a.ctx, http.MethodGet, path, nil, &page); err != nil {
			return err
		}
		for _, m := range page.Members {
			here := "-"
			if m.Online {
				here = "yes"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", m.UserID, m.Name, m.Role, m.JoinedAt, here)
		}
		if page.Next == "" {
			return w.Flush()
		}
		query.Set("after", page.Next)
	}
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
	api := &apiClient{remoteFlags: c.remoteFlags}
	path := "/rooms/" + url.PathEscape(c.Room) + "/sensors/" + url.PathEscape(c.Sensor)
	if c.End {
		return api.call(a.ctx, http.MethodDelete, path, nil, nil)
	}
	history := "since_shared"
	if c.AllHistory {
		history = "all"
	}
	return api.call(a.ctx, http.MethodPut, path, map[string]any{"control": c.Control, "history": history}, nil)
}

type roomRecordCmd struct {
	remoteFlags
	Room string `arg:"" help:"The room's id."`
	Name string `help:"What the recording is called; by default the time."`
	List bool   `help:"List what the room recorded."`
}

// Run records until it is stopped, or lists.
func (c roomRecordCmd) Run(a *app) error {
	api := &apiClient{remoteFlags: c.remoteFlags}
	path := "/rooms/" + url.PathEscape(c.Room) + "/recordings"
	if c.List {
		return c.list(a, api, path)
	}
	var rec struct {
		ID, Name  string
		SensorIDs []string `json:"sensor_ids"`
	}
	if err := api.call(a.ctx, http.MethodPost, path, map[string]string{"name": c.Name}, &rec); err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "Recording %q, %d sensors. Ctrl-C ends it.\n", rec.Name, len(rec.SensorIDs))
	<-a.ctx.Done()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.ctx), 15*time.Second)
	defer cancel()
	if err := api.call(ctx, http.MethodPost, path+"/"+rec.ID+"/stop", nil, nil); err != nil {
		return fmt.Errorf("the recording goes on: %w", err)
	}
	fmt.Fprintln(a.stdout, rec.ID)
	return nil
}

func (c roomRecordCmd) list(a *app, api *apiClient, path string) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tNAME\tBEGAN\tENDED\tSENSORS")
	query := url.Values{"limit": {"500"}}
	for {
		var page struct {
			Recordings []struct {
				ID, Name  string
				BeganAt   string   `json:"began_at"`
				EndedAt   string   `json:"ended_at"`
				SensorIDs []string `json:"sensor_ids"`
			}
			Next string
		}
		if err := api.call(a.ctx, http.MethodGet, path+"?"+query.Encode(), nil, &page); err != nil {
			return err
		}
		for _, r := range page.Recordings {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\n", r.ID, r.Name, r.BeganAt, orDash(r.EndedAt), len(r.SensorIDs))
		}
		if page.Next == "" {
			return w.Flush()
		}
		query.Set("before", page.Next)
	}
}
