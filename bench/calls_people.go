package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"strconv"
	"strings"
)

// callRoom is a room with the tokens of its members.
type callRoom struct {
	id     string
	tokens []string
}

// roomsOfGroup is how many rooms the same people share: as many as one may own.
const roomsOfGroup = 100

// prepare makes accounts and rooms.
func (c *calls) prepare(ctx context.Context) error {
	run := strconv.FormatUint(rand.Uint64(), 36)
	for len(c.rooms) < c.cfg.Rooms {
		group, err := c.group(ctx, fmt.Sprintf("%s-%d", run, len(c.rooms)/roomsOfGroup))
		if err != nil {
			return err
		}
		for range min(roomsOfGroup, c.cfg.Rooms-len(c.rooms)) {
			room, err := group.room(ctx)
			if err != nil {
				return err
			}
			c.rooms = append(c.rooms, room)
		}
	}
	return nil
}

// group are people who are in the same rooms.
type group []*person

// person has an account.
type person struct {
	http  http.Client
	url   string
	token string
}

func (c *calls) group(ctx context.Context, name string) (g group, err error) {
	for i := range c.cfg.Peers {
		p := &person{url: strings.TrimRight(c.target.URL, "/") + "/api/v1"}
		if p.http.Jar, err = cookiejar.New(nil); err != nil {
			return nil, err
		}
		name := fmt.Sprintf("bench-%s-%d", name, i)
		err = p.post(ctx, "/users", map[string]any{"name": name, "email": name + "@example.org", "password": name + " " + strconv.FormatUint(rand.Uint64(), 36)}, nil)
		if err != nil {
			return nil, err
		}
		var made struct{ Token string }
		if err = p.post(ctx, "/tokens", map[string]any{"name": "bench", "scopes": []string{"view", "ingest"}}, &made); err != nil {
			return nil, err
		}
		p.token = made.Token
		g = append(g, p)
	}
	return g, nil
}

// room makes a public room of the first, which the others join.
func (g group) room(ctx context.Context) (r callRoom, err error) {
	var made struct{ ID string }
	if err = g[0].post(ctx, "/rooms", map[string]any{"name": "bench", "is_public": true}, &made); err != nil {
		return r, err
	}
	r.id = made.ID
	for i, p := range g {
		r.tokens = append(r.tokens, p.token)
		if i > 0 {
			err = p.post(ctx, "/rooms/"+r.id+"/join", nil, nil)
		}
		if err != nil {
			return r, err
		}
	}
	return r, nil
}

// post sends a body as JSON, and reads the answer where it is wanted.
func (p *person) post(ctx context.Context, path string, body, answer any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if body == nil {
		text = nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := p.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err
	case response.StatusCode >= 300:
		return fmt.Errorf("POST %s: %s: %s", path, response.Status, said)
	case answer == nil:
		return nil
	}
	return json.Unmarshal(said, answer)
}
