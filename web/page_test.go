package web_test

import (
	"fmt"
	"slices"
	"testing"
)

// listOf is an answer that is a page of any of the short lists.
type listOf struct {
	Tokens, Sessions []struct{ ID string }
	Grants           []struct {
		ID string `json:"user_id"`
	}
	Rooms []struct {
		ID string `json:"room_id"`
	}
	Next string
}

func (l listOf) ids() (ids []string) {
	for _, part := range [][]struct{ ID string }{l.Tokens, l.Sessions} {
		for _, item := range part {
			ids = append(ids, item.ID)
		}
	}
	for _, g := range l.Grants {
		ids = append(ids, g.ID)
	}
	for _, r := range l.Rooms {
		ids = append(ids, r.ID)
	}
	return ids
}

// pages follows a list, and returns what each page has.
func (p *person) pages(path string, limit int) (pages [][]string) {
	p.people.t.Helper()
	for after := ""; ; {
		l := decode[listOf](p.people.t, p.asks(200, "GET", fmt.Sprintf("%s?limit=%d&after=%s", path, limit, after), "").Body)
		pages = append(pages, l.ids())
		if after = l.Next; after == "" {
			return pages
		}
	}
}

// A list that is read whole from the database comes in pages as the others do: each
// item once, in order, none empty, also where an item goes meanwhile.
func TestShortLists_ComeInPages(t *testing.T) {
	p := newPeople(t)
	ada, bob, eve := p.signUp("ada"), p.signUp("bob"), p.signUp("eve")
	ada.bring("strap")
	var tokens []string
	for i := range 4 {
		made := ada.asks(201, "POST", "/tokens", fmt.Sprintf(`{"name":"token %d","scopes":["view"]}`, i))
		tokens = append(tokens, decode[struct{ ID string }](t, made.Body).ID)
	}
	if got := ada.pages("/tokens", 2); len(got) != 2 || !same(slices.Concat(got...), tokens) {
		t.Errorf("%q, want two pages of %q", got, tokens)
	}
	first := decode[listOf](t, ada.asks(200, "GET", "/tokens?limit=2", "").Body)
	ada.asks(204, "DELETE", "/tokens/"+first.Tokens[1].ID, "")
	rest := decode[listOf](t, ada.asks(200, "GET", "/tokens?after="+first.Next, "").Body)
	if left := append([]string{first.Tokens[0].ID}, rest.ids()...); len(left) != 3 || rest.Next != "" {
		t.Errorf("%q are left, want 3", left)
	}

	path, _ := p.lab(ada)
	ada.asks(204, "PUT", path+"/sensors/strap", `{}`)
	ada.asks(204, "PUT", "/sensors/strap/grants/public", `{}`)
	for _, who := range []*person{bob, eve} {
		ada.asks(204, "PUT", "/sensors/strap/grants/"+who.id, `{}`)
	}
	want := []string{bob.id, eve.id, "public", path[len("/rooms/"):]}
	for _, limit := range []int{1, 3, 4, 500} {
		got := ada.pages("/sensors/strap/grants", limit)
		if len(got) != (len(want)+limit-1)/limit || !same(slices.Concat(got...), want) {
			t.Errorf("by %d: %q, want %q", limit, got, want)
		}
	}
}

// same compares without order: what was made in the same millisecond has none.
func same(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
