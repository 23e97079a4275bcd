package main

import (
	"fmt"
	"net/http"
	"strings"
)

type roomMembersCmd struct{ roomFlags }

// Run prints a table.
func (c roomMembersCmd) Run(a *app) error {
	type member struct {
		UserID   string `json:"user_id"`
		Name     string
		Role     string
		JoinedAt string `json:"joined_at"`
		Online   bool
	}
	l := apiList{path: c.path("members"), key: "members", cursor: "after", header: "USER\tNAME\tROLE\tJOINED\tHERE", empty: "Nobody is in the room."}
	return printList(a, c.remoteFlags, l, func(m member) []string {
		return []string{m.UserID, m.Name, m.Role, m.JoinedAt, yes(m.Online, "-")}
	})
}

// memberFlags name somebody in a room.
type memberFlags struct {
	roomFlags
	User string `arg:"" help:"The user's id, as 'sensocto room members' shows it."`
}

type roomRoleCmd struct {
	memberFlags
	Role string `arg:"" enum:"guest,member,admin,owner" help:"guest, member, admin or owner. With owner you hand the room over, and are an admin then."`
}

// Run changes the role.
func (c roomRoleCmd) Run(a *app) error {
	return c.ask(a, http.MethodPatch, c.path("members", c.User), map[string]string{"role": c.Role}, nil)
}

type roomKickCmd struct{ memberFlags }

// Help is shown by --help.
func (roomKickCmd) Help() string {
	return `Whoever is removed may come back: by an invitation, by the room's code, or where the room is public.
Somebody whose account is at another server comes back by a ticket, if it is made after they were
removed; earlier ones let in everybody else, but not them. 'sensocto room ban' keeps people out.

Example:
  sensocto room kick 0199f1c2-7a3e-7000-8000-5a1f00c0ffee 0199f1c2-9b21-7000-8000-00000000cafe
  sensocto room ticket 0199f1c2-7a3e-7000-8000-5a1f00c0ffee
`
}

// Run removes the member.
func (c roomKickCmd) Run(a *app) error {
	return c.ask(a, http.MethodDelete, c.path("members", c.User), nil, nil)
}

type roomBanCmd struct {
	roomFlags
	User string `arg:"" optional:"" help:"The user's id, as 'sensocto room members' shows it; also of somebody who is no member."`
	List bool   `help:"List who is banned."`
}

// Run bans, or lists.
func (c roomBanCmd) Run(a *app) error {
	switch {
	case c.List == (c.User != ""):
		return usagef("name the user to ban, or give --list")
	case !c.List:
		return c.ask(a, http.MethodDelete, c.path("members", c.User)+"?ban=true", nil, nil)
	}
	type ban struct {
		UserID   string `json:"user_id"`
		Name     string
		BannedAt string `json:"banned_at"`
	}
	l := apiList{path: c.path("bans"), key: "bans", cursor: "after", header: "USER\tNAME\tBANNED", empty: "Nobody is banned from the room."}
	return printList(a, c.remoteFlags, l, func(b ban) []string { return []string{b.UserID, b.Name, b.BannedAt} })
}

type roomUnbanCmd struct {
	roomFlags
	User string `arg:"" help:"The user's id, as 'sensocto room ban --list' shows it."`
}

// Help is shown by --help.
func (roomUnbanCmd) Help() string {
	return `Whose ban is lifted is not in the room by that: they come back by an invitation, by the room's code,
or where the room is public. Somebody whose account is at another server comes back by a ticket, if
it is made after they were last put out: 'sensocto room ticket' makes one. A ban counts at the
server that made the room for the people of all servers.

Example:
  sensocto room ban --list 0199f1c2-7a3e-7000-8000-5a1f00c0ffee
  sensocto room unban 0199f1c2-7a3e-7000-8000-5a1f00c0ffee 0199f1c2-9b21-7000-8000-00000000cafe
`
}

// Run lifts the ban.
func (c roomUnbanCmd) Run(a *app) error {
	return c.ask(a, http.MethodDelete, c.path("bans", c.User), nil, nil)
}

type roomCodeCmd struct {
	roomFlags
	New bool `help:"Make another code, which works for a week; the one before ends."`
}

// Run prints the code and the link, separated by a tab.
func (c roomCodeCmd) Run(a *app) error {
	if c.New {
		if err := c.ask(a, http.MethodPost, c.path("code"), nil, nil); err != nil {
			return err
		}
	}
	var r apiRoom
	if err := c.ask(a, http.MethodGet, c.path(), nil, &r); err != nil {
		return err
	}
	if r.JoinCode == "" {
		return fmt.Errorf("the room's code has expired, or you may not invite: owner and admins make another with 'sensocto room code --new %s'", r.ID)
	}
	fmt.Fprintf(a.stdout, "%s\t%s\n", r.JoinCode, r.JoinLink)
	fmt.Fprintln(a.stderr, "It works until", r.ExpiresAt)
	return nil
}

type roomInviteCmd struct {
	roomFlags
	Who  string `arg:"" help:"E-mail address, or a user's id."`
	Role string `enum:",guest,member,admin" default:"" help:"What the person becomes: guest, member or admin; by default member, and guest for a guest account."`
}

// Run invites, prints the invitation's id, and says what is left to do.
func (c roomInviteCmd) Run(a *app) error {
	body := map[string]string{"user_id": c.Who}
	if strings.Contains(c.Who, "@") {
		body = map[string]string{"email": c.Who}
	}
	if c.Role != "" {
		body["role"] = c.Role
	}
	var invited struct {
		ID       string
		Mailed   *bool
		JoinLink string `json:"join_link"`
	}
	if err := c.ask(a, http.MethodPost, c.path("invitations"), body, &invited); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, invited.ID)
	switch {
	case invited.Mailed == nil || *invited.Mailed:
	case invited.JoinLink != "":
		fmt.Fprintln(a.stderr, "This server sends no mail. Pass on this link:", invited.JoinLink)
	default:
		fmt.Fprintf(a.stderr, "This server sends no mail. 'sensocto room code --new %s' makes a link to pass on.\n", c.Room)
	}
	return nil
}

type roomInvitationsCmd struct {
	roomFlags
	Withdraw string `placeholder:"ID" help:"Withdraw this invitation."`
}

// Run lists, or withdraws.
func (c roomInvitationsCmd) Run(a *app) error {
	if c.Withdraw != "" {
		return c.ask(a, http.MethodDelete, c.path("invitations", c.Withdraw), nil, nil)
	}
	type invitation struct {
		ID, Email, Role string
		UserName        string `json:"user_name"`
		ExpiresAt       string `json:"expires_at"`
	}
	l := apiList{path: c.path("invitations"), key: "invitations", cursor: "after", header: "ID\tWHO\tROLE\tEXPIRES",
		empty: "No invitation waits for an answer: 'sensocto room invite ROOM ADDRESS' makes one."}
	return printList(a, c.remoteFlags, l, func(i invitation) []string {
		return []string{i.ID, i.Email + i.UserName, i.Role, i.ExpiresAt}
	})
}
