package main

import (
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
)

// serverFlags are the settings on the command line. Each is a key of Config;
// nil means that the flag was not given. A test keeps them together.
type serverFlags struct {
	ConfigFile        string    `name:"config" placeholder:"FILE" help:"Configuration file (YAML). Also SENSOCTO_CONFIG."`
	Listen            *string   `placeholder:"ADDRESS" help:"Address to listen on, default 127.0.0.1:4000; port 0 picks one."`
	DataDir           *string   `placeholder:"DIR" help:"Directory of the database, default $XDG_DATA_HOME/sensocto."`
	Database          *string   `name:"database-url" placeholder:"URL" help:"PostgreSQL instead of SQLite, such as postgres://sensocto@localhost/sensocto. Also SENSOCTO_DATABASE_URL, where others do not see it."`
	URL               *string   `name:"url" placeholder:"URL" help:"Address under which people reach the server, for links. Default: that of --listen."`
	Guests            *string   `placeholder:"SCOPES" help:"What callers without a token may do, such as view,ingest. Default: nothing."`
	AllowRemoteGuests *bool     `help:"Let guests in on an address that is not loopback."`
	Registration      *string   `placeholder:"WHO" help:"Who may make an account: open, invited or closed (default)."`
	GuestAccounts     *bool     `help:"Let people in for a day with nothing but a name."`
	Session           sessFlag  `embed:"" prefix:"session-"`
	AllowedOrigins    *string   `placeholder:"ORIGINS" help:"Origins of other sites whose pages may connect."`
	Hosts             *string   `placeholder:"NAMES" help:"Further names by which this server is called."`
	TrustedProxies    *string   `placeholder:"NETWORKS" help:"Reverse proxies whose X-Forwarded-For is believed."`
	MetricsListen     *string   `placeholder:"ADDRESS" help:"Address for /metrics alone, without a token."`
	SMTP              smtpFlag  `embed:"" prefix:"smtp-" group:"Mail:"`
	LogLevel          *string   `placeholder:"LEVEL" help:"debug, info, warn or error."`
	LogFormat         *string   `placeholder:"FORMAT" help:"text or json."`
	Pprof             *string   `placeholder:"ADDRESS" help:"Loopback address for profiles. Default: off."`
	ShutdownTimeout   *string   `placeholder:"TIME" help:"Time for an orderly end, default 15s."`
	Retention         *string   `placeholder:"RULES" help:"How long samples are kept, such as '[{type: ecg, raw: 30d, rollups: 2y}]'. Default: for ever."`
	TLS               tlsFlag   `embed:"" prefix:"tls-" group:"TLS:"`
	ACME              acmeFlag  `embed:"" prefix:"acme-" group:"TLS:"`
	OIDC              oidcFlag  `embed:"" prefix:"oidc-" group:"Sign-in with an OpenID Connect issuer:"`
	Webhooks          hooksFlag `embed:"" prefix:"webhooks-"`
	Call              callFlag  `embed:"" prefix:"call-" group:"Calls:"`
	TURN              turnFlag  `embed:"" prefix:"turn-" group:"Calls:"`
	P2P               p2pFlag   `embed:"" prefix:"p2p-" group:"Rooms from server to server:"`
	Audit             auditFlag `embed:"" prefix:"audit-"`
	Limits            limitFlag `embed:"" prefix:"limits-" group:"Limits:"`
	Attention         looksFlag `embed:"" prefix:"attention-" group:"Attention:"`
	Load              loadFlag  `embed:"" prefix:"load-" group:"Load:"`
	Store             storeFlag `embed:"" prefix:"store-" group:"Store:"`
}

type sessFlag struct {
	Life *string `placeholder:"AGE" help:"How long somebody stays signed in, default 30d."`
	Idle *string `placeholder:"AGE" help:"The same without using the server, default 7d."`
}

type hooksFlag struct {
	AllowPrivate *bool `help:"Let webhooks of alerts go to private and loopback addresses, and over http."`
}

type callFlag struct {
	Limit          *string `placeholder:"N" help:"Peers of one call, default 8."`
	ICEServers     *string `placeholder:"URLS" help:"STUN and TURN servers elsewhere that calls may use."`
	TURNSecretFile *string `placeholder:"FILE" help:"The secret that those TURN servers share with this server."`
}

type turnFlag struct {
	Listen  *string `placeholder:"ADDRESS" help:"Address of the TURN server in this program. Default: off."`
	Public  *string `placeholder:"IP" help:"Address at which others reach it."`
	Private *bool   `help:"Relay to loopback and private addresses as well."`
	MinPort *string `placeholder:"PORT" help:"First UDP port of relayed media, default 49152."`
	MaxPort *string `placeholder:"PORT" help:"Last one, default 65535."`
	Rate    *string `placeholder:"SIZE" help:"What a peer may have relayed in a second, default 2MB."`
}

type p2pFlag struct {
	Listen    *string `placeholder:"ADDRESS" help:"UDP address through which rooms are shared with other servers. Default: off."`
	Program   *string `placeholder:"FILE" help:"The program sensocto-sidecar. Default: beside this program."`
	Relay     *string `placeholder:"WHICH" help:"none (default), iroh or a URL."`
	Discovery *string `placeholder:"HOW" help:"none, local (default), dns or local,dns."`
}

type auditFlag struct {
	Keep *string `placeholder:"AGE" help:"How long it is kept who did what, default 400d."`
}

type tlsFlag struct {
	Cert *string `placeholder:"FILE" help:"Certificate with its chain: the server speaks TLS."`
	Key  *string `placeholder:"FILE" help:"Its key."`
}

type acmeFlag struct {
	Domains   *string `placeholder:"NAMES" help:"Names for which certificates are got from an authority."`
	Email     *string `placeholder:"ADDRESS" help:"Where the authority may write to."`
	Directory *string `placeholder:"URL" help:"The authority, default Let's Encrypt."`
	Roots     *string `placeholder:"FILE" help:"What the authority's server is checked against."`
}

type oidcFlag struct {
	Issuer   *string `placeholder:"URL" help:"The issuer, such as https://id.example.org."`
	ClientID *string `placeholder:"ID" help:"What it calls this server."`
	Name     *string `placeholder:"NAME" help:"What people call it, on the button."`

	ClientSecretFile *string `placeholder:"FILE" help:"The secret that it gave this server."`
}

type smtpFlag struct {
	Host         *string `placeholder:"HOST:PORT" help:"Mail server; without one no mail is sent."`
	From         *string `placeholder:"ADDRESS" help:"Address that mails come from."`
	User         *string `placeholder:"NAME" help:"Name to sign in to it with."`
	PasswordFile *string `placeholder:"FILE" help:"Password for that."`
	TLS          *string `placeholder:"HOW" help:"starttls (default), tls or none."`
}

type limitFlag struct {
	Connections     *string `placeholder:"N" help:"WebSocket connections, default 50000."`
	TextFrame       *string `placeholder:"SIZE" help:"Largest text frame, default 1MiB."`
	BinaryFrame     *string `placeholder:"SIZE" help:"Largest binary frame, default 4MiB."`
	Topics          *string `placeholder:"N" help:"Topics of a connection, default 1000."`
	Watched         *string `placeholder:"N" help:"Sensors that a connection watches, default 10000."`
	WatchedInAll    *string `placeholder:"N" help:"Sensors that all connections watch, by default by the memory."`
	Anonymous       *string `placeholder:"N" help:"Connections before their first join, default 2048."`
	AnonymousOfOne  *string `placeholder:"N" help:"The same of one address, default 256."`
	JoinTimeout     *string `placeholder:"TIME" help:"Time until the first join, default 30s."`
	Unfinished      *string `placeholder:"SIZE" help:"Large messages that have not come whole, default a sixteenth of the memory."`
	Reply           *string `placeholder:"SIZE" help:"Largest reply, default 4MiB."`
	Export          *string `placeholder:"SIZE" help:"Temporary file of an export, default 2GiB."`
	FramesPerSecond *string `placeholder:"N" help:"Frames a connection may send, default 20000."`
	Outbound        *string `placeholder:"SIZE" help:"What may wait for a slow viewer, default 1MiB."`
	IdleTimeout     *string `placeholder:"TIME" help:"Silent connections are closed, default 1m."`
	ClockSkew       *string `placeholder:"TIME" help:"How far in the future a timestamp may be, default 1h."`
	History         *string `placeholder:"N" help:"Samples of an attribute that a join may bring, default 10000."`
	Attributes      *string `placeholder:"N" help:"Attributes of a sensor, default 1000."`
	Series          *string `placeholder:"N" help:"Attributes with samples of all sensors, default one for every 4 KiB of memory."`
	Sensors         *string `placeholder:"N" help:"Sensors of the server, default 100000."`

	SensorsPerIdentity *string `placeholder:"N" help:"Sensors that a token may bring, default 80000."`
	SeriesPerIdentity  *string `placeholder:"N" help:"Attributes of all sensors that a token may bring, default 160000."`
}

type looksFlag struct {
	Hold   *string `placeholder:"TIME" help:"How long a level outlives its last viewer, default 2s."`
	Spread *string `placeholder:"TIME" help:"Time over which devices hear of load, default 1s."`
}

type loadFlag struct {
	Cores  *string `placeholder:"N" help:"Cores that the server may use, such as 1.5, default the cgroup's quota."`
	Calm   *string `placeholder:"TIME" help:"Time before the level of load falls by one, default 5s."`
	Memory *string `placeholder:"SIZE" help:"Memory that the server may use, default the cgroup's limit."`
}

type storeFlag struct {
	HotSamples     *string `placeholder:"N" help:"Samples of an attribute in memory, default 1024."`
	HotMemory      *string `placeholder:"SIZE" help:"Memory of all samples as they came, default an eighth of what there is."`
	WarmWindow     *string `placeholder:"TIME" help:"For how long samples stay in memory compressed, default 15m."`
	WarmMemory     *string `placeholder:"SIZE" help:"Memory of all compressed samples, default an eighth of what there is."`
	MaxUnflushed   *string `placeholder:"SIZE" help:"What may wait in memory, default 256MiB."`
	RetentionShare *string `placeholder:"N" help:"Share of all samples that retention removes at once without being told, default 0.25."`
	JournalMax     *string `placeholder:"SIZE" help:"What may wait in the journal, default 4GiB."`
}

// given returns the flags that were given, by key.
func (f serverFlags) given() map[string]string {
	given := make(map[string]string)
	collect(given, "", reflect.ValueOf(f))
	return given
}

func collect(given map[string]string, prefix string, v reflect.Value) {
	for i := range v.NumField() {
		name, value := snakeCase(v.Type().Field(i).Name), v.Field(i)
		switch {
		case value.Kind() == reflect.Struct:
			collect(given, name+".", value)
		case value.Kind() == reflect.Pointer && !value.IsNil():
			key := prefix + name
			if rest, ok := strings.CutPrefix(key, "log_"); ok {
				key = "log." + rest
			}
			if key == "database" {
				key = "database_url"
			}
			given[key] = fmt.Sprint(value.Elem().Interface())
		}
	}
}

func snakeCase(name string) string {
	var b strings.Builder
	digit := func(i int) bool { return '0' <= name[i] && name[i] <= '9' } // as in P2P
	capital := func(i int) bool { return i >= 0 && i < len(name) && ('A' <= name[i] && name[i] <= 'Z' || digit(i)) }
	for i, c := range name {
		if capital(i) && !digit(i) {
			// A word begins where capitals begin, or, as in TLSCert, where they end.
			if i > 0 && (!capital(i-1) || i+1 < len(name) && !capital(i+1)) {
				b.WriteByte('_')
			}
			c += 'a' - 'A'
		}
		b.WriteRune(c)
	}
	return b.String()
}

func (f serverFlags) load(a *app) (Config, error) {
	return loadConfig(a.env, f.ConfigFile, f.given())
}

type configCmd struct {
	Print configPrintCmd `cmd:"" help:"Print the configuration that the server would use, as a file."`
	Check configCheckCmd `cmd:"" help:"Say whether the configuration is valid."`
}

type configPrintCmd struct {
	serverFlags
}

// Help is shown by --help.
func (configPrintCmd) Help() string {
	return `Examples:
  sensocto config print > sensocto.yaml       a file with all keys to start from
  sensocto config print --config sensocto.yaml --listen :8080`
}

// Run prints the effective configuration; secrets are not shown.
func (c configPrintCmd) Run(a *app) error {
	config, err := c.load(a)
	if err != nil {
		return err
	}
	printConfig(a.stdout, &config)
	return nil
}

// printConfig writes YAML that loadConfig reads back.
func printConfig(w io.Writer, c *Config) {
	section := ""
	for _, f := range fields(c) {
		name, indent := f.key, ""
		if before, after, ok := strings.Cut(f.key, "."); ok {
			if before != section {
				fmt.Fprintf(w, "%s:\n", before)
			}
			section, name, indent = before, after, "  "
		} else {
			section = ""
		}
		fmt.Fprintf(w, "%s# %s\n%s%s: %s\n", indent, f.help, indent, name, f.yaml())
	}
}

// yaml is the value as YAML.
func (f field) yaml() string {
	text := f.text()
	if _, ok := f.value.Interface().(retentionTable); ok {
		return text
	}
	switch f.value.Kind().String() {
	case "slice":
		return "[" + strings.ReplaceAll(text, ",", ", ") + "]"
	case "string":
		return strconv.Quote(text)
	}
	return text
}

type configCheckCmd struct {
	serverFlags
	File string `arg:"" optional:"" help:"Configuration file, as with --config."`
}

// Help is shown by --help.
func (configCheckCmd) Help() string {
	return `All problems are reported together, each with its key. The exit code is 2 where there are any.

Example:
  sensocto config check sensocto.yaml`
}

// Run checks and says so.
func (c configCheckCmd) Run(a *app) error {
	if c.File != "" {
		c.ConfigFile = c.File
	}
	if _, err := c.load(a); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, "The configuration is valid.")
	return nil
}
