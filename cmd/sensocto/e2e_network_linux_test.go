package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/sensocto/sensocto"
)

// A viewer on a machine of its own, whose cable is cut: no FIN, no reset.
func TestAttention_ACableIsCut(t *testing.T) {
	t.Parallel() // it mostly waits
	if _, err := exec.LookPath("ip"); err != nil || os.Getuid() != 0 {
		t.Skip("needs ip (Debian: apt install iproute2) and to be root, to make a network namespace")
	}
	pid := os.Getpid()
	ns, here, there := fmt.Sprintf("sensocto-cut-%d", pid), fmt.Sprintf("ch%d", pid), fmt.Sprintf("ct%d", pid)
	ip := func(args string) error {
		out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("ip %s: %w: %s", args, err, out)
		}
		return nil
	}
	if err := ip("netns add " + ns); err != nil {
		t.Skipf("no network namespaces here: %v", err)
	}
	t.Cleanup(func() { _ = ip("netns del " + ns); _ = ip("link del " + here) })
	address := fmt.Sprintf("10.204.%d", pid%250)
	for _, args := range []string{
		"link add " + here + " type veth peer name " + there + " netns " + ns,
		"addr add " + address + ".1/24 dev " + here, "link set " + here + " up",
		"-n " + ns + " addr add " + address + ".2/24 dev " + there, "-n " + ns + " link set " + there + " up",
	} {
		if err := ip(args); err != nil {
			t.Skipf("no virtual cable here: %v", err)
		}
	}
	p := startProcess(t, t.TempDir(), "--listen", address+".1:0", "--limits-idle-timeout", "2s", "--attention-hold", "50ms", "--load-cores", "1000", "--load-memory", "1000GiB")
	d := bring(t, p.client(t, p.url), "s")
	d.wantsLevel(t, "at first", sensocto.AttentionNone)
	viewer := program("watch", "s")
	viewer.Args = append([]string{"ip", "netns", "exec", ns, viewer.Path}, viewer.Args[1:]...)
	viewer.Path, _ = exec.LookPath("ip")
	viewer.Env = append(viewer.Env, p.env...)
	if err := viewer.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = viewer.Process.Signal(syscall.SIGKILL); _ = viewer.Wait() })
	d.wantsLevel(t, "watched", sensocto.AttentionHigh)
	if err := ip("-n " + ns + " link set " + there + " down"); err != nil {
		t.Fatal(err)
	}
	d.wantsLevel(t, "the cable is cut", sensocto.AttentionNone)
}
