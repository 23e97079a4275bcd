package main

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite golden files")

func TestConfigPrint_DefaultsAreGolden(t *testing.T) {
	r := runCLI(t, []string{"HOME=/home/me"}, "config", "print").wants(t, 0)
	const golden = "testdata/default.yaml"
	if *update {
		if err := os.WriteFile(golden, []byte(r.stdout), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if r.stdout != string(want) {
		t.Errorf("the defaults changed (go test -update rewrites them):\n%s", r.stdout)
	}
	// What is printed is read back as the same configuration.
	c, err := loadConfig(environment{"HOME": "/elsewhere"}, golden, nil)
	if err != nil || !reflect.DeepEqual(c, withoutNil(defaults(environment{"HOME": "/home/me"}))) {
		t.Errorf("read back: %+v %v", c, err)
	}
}

// withoutNil makes empty lists comparable to those that were read.
func withoutNil(c Config) Config {
	for _, f := range fields(&c) {
		if f.value.Kind() == reflect.Slice {
			if err := f.set(f.text()); err != nil {
				panic(err)
			}
		}
	}
	return c
}

func TestConfig_EveryKeyHasAFlag(t *testing.T) {
	var flags serverFlags
	fillPointers(reflect.ValueOf(&flags).Elem())
	given := flags.given()
	c := defaults(nil)
	for _, f := range fields(&c) {
		if _, ok := given[f.key]; !ok {
			t.Errorf("%s has no flag", f.key)
		}
		delete(given, f.key)
		if f.help == "" {
			t.Errorf("%s has no help", f.key)
		}
	}
	for key := range given {
		t.Errorf("a flag sets %s, which is no key", key)
	}
}

func fillPointers(v reflect.Value) {
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.Struct:
			fillPointers(f)
		case reflect.Pointer:
			f.Set(reflect.New(f.Type().Elem()))
		}
	}
}

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sensocto.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConfig_FlagsGoBeforeTheEnvironmentAndThatBeforeTheFile(t *testing.T) {
	file := writeConfig(t, "listen: 127.0.0.1:1\nlog:\n  level: warn\n  format: json\nguests: [view, ingest]\nlimits:\n  text_frame: 2MiB\n")
	env := environment{"SENSOCTO_LISTEN": "127.0.0.1:2", "SENSOCTO_LOG_LEVEL": "error", "SENSOCTO_TOKEN": "not ours", "HOME": "/h"}
	c, err := loadConfig(env, file, map[string]string{"listen": "127.0.0.1:3"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:3" || c.LogLevel != "error" || c.LogFormat != "json" || len(c.Guests) != 2 || c.TextFrame != 2<<20 {
		t.Errorf("%+v", c)
	}
}

func TestConfig_ReportsAllProblemsWithTheirKeys(t *testing.T) {
	file := writeConfig(t, "lisen: x\nlog:\n  level: loud\n  colour: red\nstore: 3\nshutdown_timeout: soon\nallow_remote_guests: perhaps\nguests: [root]\nlisten: a\nlisten: b\n")
	_, err := loadConfig(environment{"SENSOCTO_LISTENN": "x", "SENSOCTO_LIMITS_TOPICS": "many", "SENSOCTO_RUN_DATA": "fine"}, file, map[string]string{"limits.text_frame": "big"})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"sensocto.yaml:1: lisen: no such setting: did you mean listen?",
		"sensocto.yaml:4: log.colour: no such setting",
		"sensocto.yaml:5: store: expected keys",
		`sensocto.yaml:6: shutdown_timeout: "soon" is not a duration`,
		`sensocto.yaml:7: allow_remote_guests: "perhaps" is not true or false`,
		"sensocto.yaml:8: guests: unknown scope",
		"sensocto.yaml:10: listen: is there twice",
		"environment: SENSOCTO_LISTENN: no such setting: did you mean SENSOCTO_LISTEN?",
		`SENSOCTO_LIMITS_TOPICS: limits.topics: "many" is not a whole number`,
		`--limits-text-frame: limits.text_frame: "big" is not a size`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing of %q in:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "RUN_DATA") {
		t.Error("a variable of a script was refused")
	}
}

func TestConfig_ChecksValues(t *testing.T) {
	for _, tc := range []struct {
		flags map[string]string
		want  string // "" where it is valid
	}{
		{nil, ""},
		{map[string]string{"listen": "4000"}, "listen: "},
		{map[string]string{"guests": "view"}, ""},
		{map[string]string{"guests": "view", "listen": "[::1]:0"}, ""},
		{map[string]string{"guests": "view", "listen": "0.0.0.0:4000"}, "guests: guests are on"},
		{map[string]string{"guests": "view", "listen": ":4000"}, "guests: guests are on"},
		{map[string]string{"guests": "view", "listen": ":4000", "allow_remote_guests": "true"}, "hosts: "},
		{map[string]string{"guests": "view", "listen": ":4000", "allow_remote_guests": "true", "hosts": "lab.example"}, ""},
		{map[string]string{"trusted_proxies": "127.0.0.1, 10.0.0.0/8, fd00::/8"}, ""},
		{map[string]string{"trusted_proxies": "proxy.example"}, "trusted_proxies: "},
		{map[string]string{"tls.cert": "cert.pem"}, "tls.cert: a certificate and its key"},
		{map[string]string{"tls.cert": "cert.pem", "tls.key": "key.pem"}, ""},
		{map[string]string{"tls.cert": "cert.pem", "tls.key": "key.pem", "acme.domains": "a.example"}, "acme.domains: "},
		{map[string]string{"acme.domains": "a.example", "acme.directory": "http://a.example"}, "acme.directory: "},
		{map[string]string{"metrics_listen": "9100"}, "metrics_listen: "},
		{map[string]string{"guests": "admin"}, "guests: "},
		{map[string]string{"allowed_origins": "example.org"}, "allowed_origins: "},
		{map[string]string{"allowed_origins": "https://example.org, https://*.example.net"}, ""},
		{map[string]string{"log.level": "loud"}, "log.level: "},
		{map[string]string{"log.format": "xml"}, "log.format: "},
		{map[string]string{"pprof": "0.0.0.0:6060"}, "pprof: "},
		{map[string]string{"pprof": "localhost:6060"}, ""},
		{map[string]string{"limits.topics": "0"}, "limits.topics: must be greater than 0"},
		{map[string]string{"shutdown_timeout": "-1s"}, "shutdown_timeout: must be greater than 0"},
		{map[string]string{"data_dir": ""}, "data_dir: "},
		{map[string]string{"session.life": "401d"}, "session.life: must be from"},
		{map[string]string{"session.life": "forever"}, "session.life: must be from"},
		{map[string]string{"session.life": "12h", "session.idle": "15m"}, ""},
		{map[string]string{"session.idle": "forever"}, ""},
		{map[string]string{"session.idle": "4m"}, "session.idle: must be at least"},
	} {
		_, err := loadConfig(environment{"HOME": "/h"}, "", tc.flags)
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%v: err = %v, want %q", tc.flags, err, tc.want)
		}
	}
}

func TestConfigCheck(t *testing.T) {
	runCLI(t, nil, "config", "check", writeConfig(t, "")).wants(t, 0, "valid")
	runCLI(t, nil, "config", "check", writeConfig(t, "log: {level: info}")).wants(t, 0)
	runCLI(t, nil, "config", "check", writeConfig(t, "x: 1")).wants(t, 2, "x: no such setting")
	runCLI(t, nil, "config", "check", writeConfig(t, "a: b: c")).wants(t, 2, "sensocto.yaml")
	runCLI(t, nil, "config", "check", "/does/not/exist").wants(t, 2, "does not exist")
	runCLI(t, []string{"SENSOCTO_CONFIG=/does/not/exist"}, "config", "check").wants(t, 2, "does not exist")
}

func TestBytes(t *testing.T) {
	for text, want := range map[string]Bytes{"0": 0, "7": 7, "1KiB": 1024, "4 MiB": 4 << 20, "2GiB": 2 << 30, "1048576": 1 << 20, "9B": 9} {
		if got, err := parseBytes(text); err != nil || got != want {
			t.Errorf("%q: %v %v", text, got, err)
		}
	}
	for _, text := range []string{"", "MiB", "1.5MiB", "1TB", "99999999999GiB"} {
		if got, err := parseBytes(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
	if got := (4 << 20 * Bytes(1)).String() + Bytes(1500).String() + Bytes(1<<30).String(); got != "4MiB15001GiB" {
		t.Error(got)
	}
}
