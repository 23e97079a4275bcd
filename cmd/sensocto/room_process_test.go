//go:build unix

package main

import (
	"archive/zip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var anyUUID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`)

// exportsRecording downloads what `record --list` names.
func exportsRecording(t *testing.T, env []string, room string) {
	t.Helper()
	rows := strings.Split(runCLI(t, env, "room", "record", room, "--list").wants(t, 0).stdout, "\n")
	recording := anyUUID.FindString(rows[1])
	file := filepath.Join(t.TempDir(), "night.zip")
	runCLI(t, env, "room", "export", room, recording, "--output", file).wants(t, 0, "night.zip: ")
	archive, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	if _, err := archive.Open("recording.json"); err != nil {
		t.Error(err)
	}
	runCLI(t, env, "room", "export", room, recording, "--output", file).wants(t, 1, "--force")
	runCLI(t, env, "room", "export", room, recording, "--output", file, "--force").wants(t, 0)
	runCLI(t, env, "room", "export", room, room, "--output", file+"2").wants(t, 1, "404")
	if left, _ := filepath.Glob(file + "2*"); len(left) > 0 {
		t.Errorf("a download that failed leaves %q", left)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v: others on the machine may read it", info, err)
	}
}

// managesRoom does as ada, who owns the room, all that commands can with bob in it.
func managesRoom(t *testing.T, ada, bob []string, room, sensor string) {
	t.Helper()
	sensocto := func(env []string, code int, args ...string) func(want ...string) string {
		return func(want ...string) string {
			t.Helper()
			return strings.TrimSpace(runCLI(t, env, append([]string{"room"}, args...)...).wants(t, code, want...).stdout)
		}
	}
	members := sensocto(ada, 0, "members", room)("bob")
	var bobID string
	for line := range strings.Lines(members) {
		if strings.Contains(line, "bob") {
			bobID = anyUUID.FindString(line)
		}
	}
	code, link, _ := strings.Cut(sensocto(ada, 0, "code", room)("works until"), "\t")
	if !strings.HasSuffix(link, "#join="+code) {
		t.Errorf("the link is %q", link)
	}
	sensocto(bob, 1, "code", room)("may not invite")
	if renewed := sensocto(ada, 0, "code", room, "--new")(); strings.HasPrefix(renewed, code) {
		t.Errorf("the code is still %s", renewed)
	}

	sensocto(ada, 0, "role", room, bobID, "admin")()
	sensocto(bob, 0, "members", room)("admin")
	sensocto(ada, 2, "role", room, bobID, "king")("guest")
	sensocto(ada, 0, "kick", room, bobID)()
	sensocto(bob, 1, "members", room)("no room with this id", "sensocto room list")
	invitation := sensocto(ada, 0, "invite", room, bobID)()
	sensocto(ada, 0, "invitations", room)(invitation, "bob", "member")
	sensocto(ada, 0, "invitations", room, "--withdraw", invitation)()
	sensocto(ada, 0, "invitations", room)("No invitation waits")
	sensocto(ada, 1, "invitations", room, "--withdraw", invitation)("sensocto room invitations")
	sensocto(ada, 0, "invite", room, "zoe@example.org")("sends no mail", "#join=")

	sensocto(ada, 0, "ban", room, bobID)()
	sensocto(ada, 0, "ban", room, "--list")(bobID, "bob")
	sensocto(ada, 2, "ban", room)("--list")
	sensocto(ada, 0, "unban", room, bobID)()
	sensocto(ada, 0, "ban", room, "--list")("Nobody is banned")
	code, _, _ = strings.Cut(sensocto(ada, 0, "code", room)(), "\t")
	sensocto(bob, 0, "join", code)()
	sensocto(bob, 0, "share", sensor, room)()
	sensocto(bob, 1, "share", "nope", room)("no sensor with this id", "sensocto watch")
	sensocto(bob, 1, "share", sensor, bobID)("no room with this id", "sensocto room list")

	made, _, _ := strings.Cut(sensocto(bob, 0, "create", "Bob's")(), "\t")
	sensocto(bob, 2, "delete", made)("--yes")
	sensocto(bob, 0, "delete", made, "--yes")()
	sensocto(bob, 1, "delete", made, "--yes")("no room with this id")
}
