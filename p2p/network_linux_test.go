package p2p

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
)

// host is a network namespace in which sidecars run.
type host struct {
	name, device, address string
}

// cable is a network between two hosts that can be cut.
type cable struct {
	t     testing.TB
	hosts [2]*host
}

// newCable makes two hosts with a network between them. The test is skipped where that
// is not possible.
func newCable(t testing.TB) *cable {
	t.Helper()
	for _, tool := range []string{"ip", "tc"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s (Debian: apt install iproute2): %v", tool, err)
		}
	}
	if os.Getuid() != 0 {
		t.Skip("needs to be root, to make network namespaces")
	}
	c := &cable{t: t}
	for i, end := range []string{"a", "b"} {
		h := &host{name: fmt.Sprintf("sensocto-p2p-%d-%s", os.Getpid(), end), device: fmt.Sprintf("sp%d%s", os.Getpid()%100_000_000, end), address: fmt.Sprintf("10.204.0.%d", i+1)}
		if out, err := exec.Command("ip", "netns", "add", h.name).CombinedOutput(); err != nil {
			t.Skipf("no network namespaces here: %v: %s", err, out)
		}
		t.Cleanup(func() { c.command("ip", "netns", "del", h.name) })
		c.hosts[i] = h
	}
	a, b := c.hosts[0], c.hosts[1]
	c.command("ip", "link", "add", a.device, "netns", a.name, "type", "veth", "peer", "name", b.device, "netns", b.name)
	for _, h := range c.hosts {
		c.command("ip", "-n", h.name, "link", "set", "lo", "up")
		c.command("ip", "-n", h.name, "addr", "add", h.address+"/24", "dev", h.device)
		c.command("ip", "-n", h.name, "link", "set", h.device, "up")
	}
	return c
}

func (c *cable) command(name string, arguments ...string) {
	c.t.Helper()
	if out, err := exec.Command(name, arguments...).CombinedOutput(); err != nil {
		c.t.Fatalf("%s %s: %v: %s", name, strings.Join(arguments, " "), err, out)
	}
}

// cut has the network drop all packets, or none, without either end being told.
func (c *cable) cut(is bool) {
	c.t.Helper()
	for _, h := range c.hosts {
		queue := []string{"-n", h.name, "qdisc", "del", "dev", h.device, "root"}
		if is { // larger packets than 16 bytes do not pass
			queue = []string{"-n", h.name, "qdisc", "add", "dev", h.device, "root", "tbf", "rate", "8bit", "burst", "16b", "limit", "16b"}
		}
		c.command("tc", queue...)
	}
}

// program returns a program that runs another one on the host.
func (h *host) program(t testing.TB, file string) string {
	t.Helper()
	script := filepath.Join(t.TempDir(), "on-"+h.name)
	text := fmt.Sprintf("#!/bin/sh\nexec ip netns exec %s %q \"$@\"\n", h.name, file)
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return script
}

// cutTime is how long the network is cut: so long that both ends have given the other
// up, or as long as SENSOCTO_P2P_CUT says, such as 1h.
func cutTime(t testing.TB) time.Duration {
	t.Helper()
	text := os.Getenv("SENSOCTO_P2P_CUT")
	if text == "" {
		return 8 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("SENSOCTO_P2P_CUT: %v", err)
	}
	return d
}

// Two servers on hosts of their own whose network is cut for a while: what both changed
// meanwhile is merged when it is back, a deletion stands against a change, and who was
// removed is out.
func TestRoomSync_ServersThatWereCutOffMeet(t *testing.T) {
	c := newCable(t)
	a := (&node{t: t, name: "a", dir: t.TempDir(), host: c.hosts[0]}).begin()
	b := (&node{t: t, name: "b", dir: t.TempDir(), host: c.hosts[1]}).begin()
	roomID := a.create("Lab")
	ticket := a.ticket(roomID, sensocto.RoleMember)
	b.join(ticket)
	eventually(t, "member", func() bool { return a.roleOf(roomID, b) == sensocto.RoleMember })
	a.promote(roomID, b)
	carol := b.another("carol")
	if err := b.Join(t.Context(), carol, ticket); err != nil {
		t.Fatal(err)
	}
	there := func() string { return a.people.known(b.options.Keys.Person(carol).Key) }
	eventually(t, "a second member", func() bool { return a.content(roomID).Members[there()] == sensocto.RoleMember })
	a.setting(roomID, "both", 0)
	a.setting(roomID, "doomed", 0)
	eventually(t, "settings", func() bool { return len(b.content(roomID).Settings) == 2 })

	c.cut(true)
	a.rename(roomID, "Of a")
	a.setting(roomID, "from a", 1)
	a.setting(roomID, "both", "a")
	a.dropSetting(roomID, "doomed")
	if err := a.rooms.Remove(t.Context(), a.user, roomID, there(), false); err != nil {
		t.Fatal(err)
	}
	b.setting(roomID, "from b", 2)
	b.setting(roomID, "both", "b")
	b.setting(roomID, "doomed", "changed")
	time.Sleep(cutTime(t))
	if x, y := a.content(roomID), b.content(roomID); x.Settings["from b"] != nil || y.Name == "Of a" {
		t.Fatal("the network was not cut")
	}
	c.cut(false)
	back := time.Now()
	eventually(t, "the same room at both", func() bool {
		x, y := a.content(roomID), b.content(roomID)
		return x.Name == "Of a" && y.Name == "Of a" && string(x.Settings["from b"]) == "2" && string(y.Settings["from a"]) == "1" &&
			len(x.Settings) == 3 && len(y.Settings) == 3 && string(x.Settings["both"]) == string(y.Settings["both"]) &&
			len(x.Members) == 2 && len(y.Members) == 2 && y.Members[carol] == ""
	})
	t.Logf("the same room %v after the network was back", time.Since(back).Round(10*time.Millisecond))
}
