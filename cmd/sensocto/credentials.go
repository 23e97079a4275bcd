package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// credentials are the tokens of 'sensocto login', by server, in a file that only
// its owner can read. The path is "" where there is no home.
type credentials struct{ path string }

func (a *app) credentials() credentials {
	dir := a.env["XDG_CONFIG_HOME"]
	if !filepath.IsAbs(dir) {
		home := a.env["HOME"]
		if home == "" {
			return credentials{}
		}
		dir = filepath.Join(home, ".config")
	}
	return credentials{filepath.Join(dir, "sensocto", "credentials.json")}
}

func (c credentials) read() (map[string]string, error) {
	tokens := map[string]string{}
	if c.path == "" {
		return tokens, nil
	}
	text, err := os.ReadFile(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return tokens, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &tokens)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w; delete it and sign in again", c.path, err)
	}
	return tokens, nil
}

// of returns the token for a server, "" where there is none.
func (c credentials) of(server string) (string, error) {
	tokens, err := c.read()
	return tokens[server], err
}

// elsewhere says to which other servers somebody is signed in, "" for none.
func (c credentials) elsewhere(server string) string {
	tokens, err := c.read()
	delete(tokens, server)
	if err != nil || len(tokens) == 0 {
		return ""
	}
	return "you are signed in to " + strings.Join(slices.Sorted(maps.Keys(tokens)), ", ") + ": name the server with --server or SENSOCTO_SERVER"
}

// keep stores the token for a server; "" forgets it.
func (c credentials) keep(server, token string) error {
	if c.path == "" {
		return errors.New("there is no place to keep the token: set HOME or XDG_CONFIG_HOME")
	}
	tokens, err := c.read()
	if err != nil {
		return err
	}
	if tokens[server] = token; token == "" {
		delete(tokens, server)
	}
	text, err := json.MarshalIndent(tokens, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(c.path), 0o700); err != nil {
		return fmt.Errorf("keep the token: %w", err)
	}
	temporary := c.path + ".new" // so that an interruption loses no other token
	if err := os.WriteFile(temporary, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("keep the token: %w", err)
	}
	return os.Rename(temporary, c.path)
}
