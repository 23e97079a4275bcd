package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
)

// roomFlags name a room on a server.
type roomFlags struct {
	remoteFlags
	Room string `arg:"" help:"The room's id, as 'sensocto room list' shows it."`
}

// path is below the room in the API.
func (f roomFlags) path(parts ...string) string { return roomPath(f.Room, parts...) }

func roomPath(room string, parts ...string) string {
	path := "/rooms/" + url.PathEscape(room)
	for _, part := range parts {
		path += "/" + url.PathEscape(part)
	}
	return path
}

// ask sends a request of a person, and decodes the answer into out unless that is
// nil.
func (f remoteFlags) ask(a *app, method, path string, in, out any) error {
	return (&apiClient{remoteFlags: f}).call(a.ctx, method, path, in, out)
}

// apiList is a list of the API that a command prints as a table.
type apiList struct {
	path   string
	key    string // of the items in the answer
	cursor string // the parameter that takes next: after or before
	query  url.Values
	header string
	empty  string // what is said where the list has nothing
}

// printList reads all pages of a list, and prints a row of each item.
func printList[T any](a *app, f remoteFlags, l apiList, row func(T) []string) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, l.header)
	query := url.Values{"limit": {"500"}}
	for k, v := range l.query {
		query[k] = v
	}
	rows := 0
	for {
		var page map[string]json.RawMessage
		if err := f.ask(a, http.MethodGet, l.path+"?"+query.Encode(), nil, &page); err != nil {
			return err
		}
		var items []T
		var next string
		if err := json.Unmarshal(page[l.key], &items); err != nil {
			return fmt.Errorf("read the answer of %s: %w", f.Server, err)
		}
		if err := json.Unmarshal(page["next"], &next); err != nil {
			return fmt.Errorf("read the answer of %s: %w", f.Server, err)
		}
		for _, item := range items {
			fmt.Fprintln(w, strings.Join(row(item), "\t"))
		}
		if rows += len(items); next == "" {
			break
		}
		query.Set(l.cursor, next)
	}
	if rows == 0 {
		fmt.Fprintln(a.stderr, l.empty)
	}
	return w.Flush()
}

// yes is how a table says that something is so.
func yes(is bool, otherwise string) string {
	if is {
		return "yes"
	}
	return otherwise
}
