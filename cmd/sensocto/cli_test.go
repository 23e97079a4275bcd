package main

import (
	"os/exec"
	"strings"
	"testing"
)

func TestCLI_UsageErrorsExitWith2(t *testing.T) {
	for _, tc := range []struct {
		args string
		want string
	}{
		{"serve --lisen x", "did you mean"},
		{"nonsense", "nonsense"},
		{"replay", "file"},
		{"replay x.hea --speed slow", "--speed"},
		{"replay x.hea --speed 0", "--speed"},
		{"replay x.hea --sensors 0", "--sensors"},
		{"replay x.hea y.hea --sensor-id a", "--sensor-id"},
		{"replay x.hea --sensor-id a/b", "--sensor-id"},
		{"replay x.hea --loop --speed max", "--loop"},
		{"read s", "attribute"},
		{"read s a --from yesterday", "--from"},
		{"read s a --limit -1", "--limit"},
		{"read s a --format xml", "--format"},
		{"simulate --scenario volcano", "volcano"},
		{"simulate --sensors 0", "--sensors"},
		{"simulate --prefix a/b", "--prefix"},
		{"watch s --level closely", "--level"},
		{"token create --name x", "--scope"},
		{"token create --name x --scope everything", "everything"},
		{"completion tcsh", "tcsh"},
		{"backup", "file"},
		{"restore", "file"},
		{"retention", "--dry-run"},
		{"cleanup", "sensor"},
		{"cleanup a/b", "a/b"},
	} {
		runCLI(t, []string{"HOME=" + t.TempDir()}, strings.Fields(tc.args)...).wants(t, exitUsage, tc.want)
	}
}

func TestCLI_EveryCommandHasHelp(t *testing.T) {
	for _, command := range []string{"serve", "replay", "simulate", "watch", "read", "token", "token create", "config", "config print", "completion", "bench", "backup", "restore", "retention", "cleanup", "check", "repair"} {
		r := runCLI(t, nil, append(strings.Fields(command), "--help")...).wants(t, 0, "Usage: sensocto "+command)
		if !strings.Contains(command, " ") && command != "config" && !strings.Contains(r.stdout, "Example") {
			t.Errorf("%s has no example", command)
		}
	}
	runCLI(t, nil).wants(t, 0, "Usage: sensocto", "replay")
	runCLI(t, nil, "version").wants(t, 0, "sensocto dev")
}

func TestCompletion_ScriptsKnowCommandsAndFlags(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		runCLI(t, nil, "completion", shell).wants(t, 0, "replay", "speed", "revoke")
	}
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash")
	}
	script := runCLI(t, nil, "completion", "bash").stdout
	for words, want := range map[string]string{"sensocto re": "read repair replay restore retention", "sensocto token re": "revoke", "sensocto replay f.hea --sp": "--speed"} {
		list := strings.Fields(words)
		test := script + "\nCOMP_WORDS=(" + words + "); COMP_CWORD=" + string(rune('0'+len(list)-1)) + "; _sensocto; echo $(printf '%s\\n' \"${COMPREPLY[@]}\" | sort)"
		out, err := exec.Command(bash, "-c", test).CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("%q completes to %q %v, want %q", words, out, err, want)
		}
	}
}

func TestParseTime(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1767225600000": 1767225600000000, "1767225600000.125": 1767225600000125,
		"2026-01-01T00:00:00Z": 1767225600000000, "2026-01-01T01:00:00.000001+01:00": 1767225600000001,
	} {
		if got, err := parseTime(text); err != nil || got != want {
			t.Errorf("%s: %d %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "now", "NaN", "1e300", "2026-01-01"} {
		if got, err := parseTime(text); err == nil {
			t.Errorf("%s: %d", text, got)
		}
	}
}

func TestCommands_SayWhatToDoWithoutAServer(t *testing.T) {
	env := []string{"SENSOCTO_SERVER=http://127.0.0.1:1"}
	for _, command := range []string{"watch", "watch s", "read s a", "simulate --duration 1s"} {
		runCLI(t, env, strings.Fields(command)...).wants(t, exitFailed, "sensocto serve")
	}
	runCLI(t, env, "replay", "no-such-file.hea").wants(t, exitFailed, "no-such-file.hea")
}
