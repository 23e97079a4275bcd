package main

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/account"
	"github.com/sensocto/sensocto/call"
	"github.com/sensocto/sensocto/mail"
	"github.com/sensocto/sensocto/postgres"
	"github.com/sensocto/sensocto/store"
)

// Config is everything that can be configured of the server. Each field is
// one key: of the file (nested where it has dots), of the environment
// (SENSOCTO_LOG_LEVEL for log.level), and of the flags (--log-level).
type Config struct {
	Listen            string           `key:"listen" help:"Address to listen on; port 0 picks one."`
	DataDir           string           `key:"data_dir" help:"Directory of the database and of what has to be written to it."`
	DatabaseURL       databaseURL      `key:"database_url" help:"PostgreSQL database instead of the file in data_dir, such as postgres://sensocto@localhost/sensocto. The password is better in PGPASSWORD or ~/.pgpass than here."`
	URL               string           `key:"url" help:"Address under which people reach the server, such as https://sensors.example.org: links that are printed or mailed begin with it. Empty: that of listen."`
	Guests            []sensocto.Scope `key:"guests" help:"What callers without a token may do: view, ingest. Empty: nothing."`
	AllowRemoteGuests bool             `key:"allow_remote_guests" help:"Let guests in on an address that is not loopback."`
	Registration      string           `key:"registration" help:"Who may make an account: open (everybody), invited (who has an invitation), closed (nobody; administrators make them)."`
	GuestAccounts     bool             `key:"guest_accounts" help:"Let people in for a day with nothing but a name: they may join rooms, and see what is shared there."`
	SessionLife       Age              `key:"session.life" help:"How long somebody stays signed in, 400d at most: then they sign in again."`
	SessionIdle       Age              `key:"session.idle" help:"How long somebody stays signed in without using the server, such as 15m, 7d or forever: as long as session.life."`
	AllowedOrigins    []string         `key:"allowed_origins" help:"Origins of other sites whose pages may connect, such as https://example.org."`
	Hosts             []string         `key:"hosts" help:"Further names by which this server is called. Guests are answered under these alone, beside localhost and addresses: a page of another site may make its own name resolve to this server."`
	TrustedProxies    []netip.Prefix   `key:"trusted_proxies" help:"Addresses or networks of reverse proxies, such as 127.0.0.1 or 10.0.0.0/8: what they say in X-Forwarded-For is believed."`
	TLSCert           string           `key:"tls.cert" help:"Certificate with its chain, in PEM: the server speaks TLS. It is read again when it changes."`
	TLSKey            string           `key:"tls.key" help:"Key of the certificate, in PEM."`
	ACMEDomains       []string         `key:"acme.domains" help:"Names for which certificates are got from an authority, such as sensors.example.org. The server must be reached under them at port 443."`
	ACMEEmail         string           `key:"acme.email" help:"Address that the authority may write to."`
	ACMEDirectory     string           `key:"acme.directory" help:"Directory of the authority."`
	ACMERoots         string           `key:"acme.roots" help:"Certificates, in PEM, that the authority's own server is checked against. Empty: those of the system."`
	MetricsListen     string           `key:"metrics_listen" help:"Address for /metrics alone, without a token, such as 127.0.0.1:9100. Those at the main address need a token then."`
	SMTPHost          string           `key:"smtp.host" help:"Mail server, such as mail.example.org:587: forgotten passwords, new addresses and invitations are mailed. Empty: no mail is sent."`
	SMTPFrom          string           `key:"smtp.from" help:"Address that mails come from, such as SensOcto <sensocto@example.org>."`
	SMTPUser          string           `key:"smtp.user" help:"Name to sign in to the mail server with. Empty: without."`
	SMTPPasswordFile  string           `key:"smtp.password_file" help:"File with the password for that. It is read each time it is needed."`
	SMTPTLS           string           `key:"smtp.tls" help:"How the connection to the mail server is protected: starttls, tls (from the first byte), or none, for a server on this machine."`
	LogLevel          string           `key:"log.level" help:"Least level that is logged: debug, info, warn, error."`
	LogFormat         string           `key:"log.format" help:"Form of the log: text or json."`
	Pprof             string           `key:"pprof" help:"Loopback address for profiles, such as 127.0.0.1:6060. Empty: off."`
	ShutdownTimeout   time.Duration    `key:"shutdown_timeout" help:"Time for an orderly end."`
	Retention         retentionTable   `key:"retention" help:"How long samples (raw) and rollups are kept, by sensor, attribute or type, such as [{type: ecg, raw: 30d, rollups: 2y}]. Default: for ever."`

	OIDCIssuer           string `key:"oidc.issuer" help:"OpenID Connect issuer with which people may sign in, such as https://id.example.org. It sends them back to url with the path /api/v1/session/oidc/callback."`
	OIDCClientID         string `key:"oidc.client_id" help:"What the issuer calls this server."`
	OIDCClientSecretFile string `key:"oidc.client_secret_file" help:"File with the secret that the issuer gave this server. Empty: none, where the issuer knows it as a public client."`
	OIDCName             string `key:"oidc.name" help:"What people call the issuer, on the button that signs in with it. Empty: its address."`
	WebhooksAllowPrivate bool   `key:"webhooks.allow_private" help:"Let webhooks of alerts go to private and loopback addresses, and over http: whoever has an account can make this server call those then."`

	CallLimit          int      `key:"call.limit" help:"Peers of one call: each sends to each other."`
	CallICEServers     []string `key:"call.ice_servers" help:"STUN and TURN servers elsewhere that calls may use, such as stun:stun.example.org:3478 or turn:turn.example.org:3478?transport=udp."`
	CallTURNSecretFile string   `key:"call.turn_secret_file" help:"File with the secret that the TURN servers elsewhere share with this server (coturn: static-auth-secret): each peer gets a credential of its own, for 12 hours."`
	TURNListen         string   `key:"turn.listen" help:"Address of the TURN server in this program, UDP and TCP, such as 0.0.0.0:3478: it relays calls where people cannot reach each other directly. Empty: off."`
	TURNPublic         string   `key:"turn.public" help:"IP address at which others reach turn.listen. Relayed media come from it."`
	TURNPrivate        bool     `key:"turn.private" help:"Relay to loopback and private addresses as well: for calls in one's own network."`
	TURNMinPort        int      `key:"turn.min_port" help:"First UDP port of relayed media."`
	TURNMaxPort        int      `key:"turn.max_port" help:"Last UDP port of relayed media."`
	TURNRate           Bytes    `key:"turn.rate" help:"What one peer may have relayed in a second, both ways together."`

	P2PListen    string `key:"p2p.listen" help:"Address and UDP port through which rooms are shared with other servers, such as 0.0.0.0:0; port 0 picks one, and keeps it. Empty: off."`
	P2PProgram   string `key:"p2p.program" help:"The program sensocto-sidecar, which is started for that. Empty: the one beside this program."`
	P2PRelay     string `key:"p2p.relay" help:"Relay servers that help where no direct path is found: none, iroh (those of Iroh's makers) or the URL of one's own."`
	P2PDiscovery string `key:"p2p.discovery" help:"How servers find each other beside the addresses in tickets: none, local (mDNS in the local network), dns (Iroh's DNS servers), or local,dns."`

	AuditKeep Age `key:"audit.keep" help:"How long it is kept who did what, such as 90d, 2y or forever."`

	Connections     int           `key:"limits.connections" help:"WebSocket connections of the server."`
	TextFrame       Bytes         `key:"limits.text_frame" help:"Largest text frame."`
	BinaryFrame     Bytes         `key:"limits.binary_frame" help:"Largest binary frame."`
	Topics          int           `key:"limits.topics" help:"Topics that one connection may join, and sensors that one message may name."`
	Watched         int           `key:"limits.watched" help:"Sensors that one connection watches, on all its topics."`
	WatchedInAll    int           `key:"limits.watched_in_all" zero:"auto" help:"Sensors that all connections watch, each counted once for every viewer. 0: by the memory that there is."`
	Anonymous       int           `key:"limits.anonymous" help:"Connections that have neither brought a credential nor joined anything."`
	AnonymousOfOne  int           `key:"limits.anonymous_of_one" help:"The same of one address."`
	JoinTimeout     time.Duration `key:"limits.join_timeout" help:"Such a connection is closed after this long."`
	Unfinished      Bytes         `key:"limits.unfinished" zero:"auto" help:"Large messages that have not come whole, of all connections. 0: a sixteenth of the memory that there is."`
	Reply           Bytes         `key:"limits.reply" help:"Largest reply to one message: histories are cut to half of it."`
	Export          Bytes         `key:"limits.export" help:"Temporary file of one export as EDF+ or WFDB; at most a quarter of the free disk."`
	FramesPerSecond int           `key:"limits.frames_per_second" help:"Frames that one connection may send in a second."`
	Outbound        Bytes         `key:"limits.outbound" help:"What may wait for one slow viewer."`
	IdleTimeout     time.Duration `key:"limits.idle_timeout" help:"A connection silent for this long is closed."`
	ClockSkew       time.Duration `key:"limits.clock_skew" help:"How far in the future a timestamp may be."`
	History         int           `key:"limits.history" help:"Samples of each attribute that a join may bring."`
	Attributes      int           `key:"limits.attributes" help:"Attributes of one sensor."`
	Series          int           `key:"limits.series" zero:"auto" help:"Attributes with samples of all sensors together. 0: one for every 4 KiB of memory, a million at most."`
	Sensors         int           `key:"limits.sensors" help:"Sensors of the server."`
	IdentitySensors int           `key:"limits.sensors_per_identity" help:"Sensors that one person with all their tokens, one token of the server, or all guests together may bring."`
	IdentitySeries  int           `key:"limits.series_per_identity" help:"Attributes of all sensors together that one person with all their tokens, one token of the server, or all guests together may bring."`

	Hold   time.Duration `key:"attention.hold" help:"How long a sensor's level outlives its last viewer, so that a scroll does not flap."`
	Spread time.Duration `key:"attention.spread" help:"Time over which devices hear of a change of the server's load."`

	LoadCores  float64       `key:"load.cores" zero:"auto" help:"Processor cores that the server may use, before devices are asked for less. 0: the cgroup's quota, or all."`
	LoadMemory Bytes         `key:"load.memory" zero:"auto" help:"Memory that the server may use, before devices are asked for less. 0: the cgroup's limit, or all."`
	LoadCalm   time.Duration `key:"load.calm" help:"How long the load must have been lower before its level falls by one."`

	HotSamples     int           `key:"store.hot_samples" help:"Samples of each attribute that stay in memory as they came."`
	HotMemory      Bytes         `key:"store.hot_memory" zero:"auto" help:"Memory of all samples as they came, documents included: beyond it, what was written longest ago leaves first. 0: an eighth of the cgroup's limit, or of all memory."`
	WarmWindow     time.Duration `key:"store.warm_window" help:"For how long samples stay in memory compressed, counted back from the newest of their attribute."`
	WarmMemory     Bytes         `key:"store.warm_memory" zero:"auto" help:"Memory of all compressed samples: beyond it, what nobody looks at leaves first. 0: an eighth of the cgroup's limit, or of all memory."`
	MaxUnflushed   Bytes         `key:"store.max_unflushed" help:"What may wait in memory for the database before measurements are refused."`
	RetentionShare float64       `key:"store.retention_share" help:"How much of all samples retention removes at once of what should have gone long ago, before it waits to be told. 1: no bound."`
	JournalMax     Bytes         `key:"store.journal_max" help:"What may wait in the journal for the database before measurements are refused."`
}

// defaults is the configuration where nothing is said.
func defaults(env environment) Config {
	return Config{
		Listen:          "127.0.0.1:4000",
		DataDir:         defaultDataDir(env),
		Registration:    string(account.RegistrationClosed),
		ACMEDirectory:   "https://acme-v02.api.letsencrypt.org/directory",
		SMTPTLS:         mail.StartTLS,
		LogLevel:        "info",
		LogFormat:       "text",
		ShutdownTimeout: 15 * time.Second,
		SessionLife:     Age(30 * 24 * time.Hour),
		SessionIdle:     Age(7 * 24 * time.Hour),
		CallLimit:       call.DefaultLimit,
		P2PRelay:        "none",
		P2PDiscovery:    "local",
		TURNMinPort:     49152,
		TURNMaxPort:     65535,
		TURNRate:        2_000_000,
		AuditKeep:       Age(400 * 24 * time.Hour),
		Connections:     50_000,
		TextFrame:       1 << 20,
		BinaryFrame:     4 << 20,
		Topics:          1000,
		Watched:         10_000,
		Anonymous:       2_048,
		AnonymousOfOne:  256,
		JoinTimeout:     30 * time.Second,
		Reply:           4 << 20,
		Export:          2 << 30,
		FramesPerSecond: 20_000,
		Outbound:        1 << 20,
		IdleTimeout:     time.Minute,
		ClockSkew:       time.Hour,
		History:         10_000,
		Attributes:      1000,
		Sensors:         100_000,
		IdentitySensors: 80_000,
		IdentitySeries:  160_000,
		Hold:            2 * time.Second,
		Spread:          time.Second,
		LoadCalm:        5 * time.Second,
		HotSamples:      1024,
		WarmWindow:      15 * time.Minute,
		MaxUnflushed:    256 << 20,
		RetentionShare:  0.25,
		JournalMax:      4 << 30,
	}
}

// defaultDataDir does not depend on where a command is called, so that
// 'sensocto token' finds the database that 'sensocto serve' made. Without HOME it
// is in the home that the user database has; it is empty, and has to be named,
// where there is none.
func defaultDataDir(env environment) string {
	if dir := env["XDG_DATA_HOME"]; filepath.IsAbs(dir) {
		return filepath.Join(dir, "sensocto")
	}
	home := env["HOME"]
	if home == "" { // as of a system service
		if u, err := user.Current(); err == nil && isDirectory(u.HomeDir) && u.HomeDir != "/" {
			home = u.HomeDir
		}
	}
	if !filepath.IsAbs(home) {
		return ""
	}
	return filepath.Join(home, ".local", "share", "sensocto")
}

// database is the SQLite file in the data directory.
func (c Config) database() string { return filepath.Join(c.DataDir, "sensocto.db") }

// journal is the directory of the write-ahead journal.
func (c Config) journal() string { return filepath.Join(c.DataDir, "journal") }

// check returns what is wrong with the values, each with its key.
func (c Config) check() (problems []problem) {
	bad := func(key, format string, args ...any) {
		problems = append(problems, problem{key: key, text: fmt.Sprintf(format, args...)})
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		bad("listen", "%q is not host:port, such as 127.0.0.1:4000", c.Listen)
	} else if len(c.Guests) > 0 && !isLoopback(host) {
		switch {
		case !c.AllowRemoteGuests:
			bad("guests", "guests are on, and %s can be reached from other machines: listen on 127.0.0.1, switch guests off, or set allow_remote_guests", c.Listen)
		case len(c.Hosts) == 0:
			bad("hosts", "guests may come from other machines: name the hosts under which this server is called, or any page that one of them visits can act as a guest")
		}
	}
	c.checkTLS(bad)
	c.checkOIDC(bad)
	for _, s := range c.Guests {
		if s == sensocto.ScopeAdmin {
			bad("guests", "guests cannot have the scope admin: use view and ingest")
		}
	}
	for _, origin := range c.AllowedOrigins {
		if u, err := url.Parse(origin); err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" {
			bad("allowed_origins", "%q is not an origin, such as https://example.org", origin)
		}
	}
	if c.DatabaseURL != "" {
		if err := postgres.Check(string(c.DatabaseURL)); err != nil {
			bad("database_url", "%v", err)
		}
	}
	if c.DataDir == "" {
		bad("data_dir", "there is no home to keep data in (HOME is not set, and the user has none): name a directory with --data-dir")
	}
	for _, err := range store.Retention(c.Retention).Problems() {
		bad("retention", "%v", err)
	}
	if u, err := url.Parse(c.URL); c.URL != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "") {
		bad("url", "%q is not the address of a server, such as https://sensors.example.org", c.URL)
	}
	c.checkMail(bad)
	c.checkSession(bad)
	c.checkCalls(bad)
	c.checkP2P(bad)
	oneOf(bad, "registration", c.Registration, "open", "invited", "closed")
	oneOf(bad, "log.level", c.LogLevel, "debug", "info", "warn", "error")
	oneOf(bad, "log.format", c.LogFormat, "text", "json")
	if c.Pprof != "" {
		if host, _, err := net.SplitHostPort(c.Pprof); err != nil || !isLoopback(host) {
			bad("pprof", "%q is not a loopback address, such as 127.0.0.1:6060: profiles are not for others", c.Pprof)
		}
	}
	if c.RetentionShare > 1 {
		bad("store.retention_share", "must be at most 1, which means no bound")
	}
	return append(problems, c.checkNumbers()...)
}

// checkTLS returns what is wrong with how the server identifies itself.
func (c Config) checkTLS(bad func(key, format string, args ...any)) {
	switch {
	case (c.TLSCert == "") != (c.TLSKey == ""):
		bad("tls.cert", "a certificate and its key belong together: set tls.cert and tls.key")
	case c.TLSCert != "" && len(c.ACMEDomains) > 0:
		bad("acme.domains", "certificates are either in files (tls.cert) or got from an authority, not both")
	}
	if u, err := url.Parse(c.ACMEDirectory); err != nil || u.Scheme != "https" || u.Host == "" {
		bad("acme.directory", "%q is not an https URL", c.ACMEDirectory)
	}
	if c.MetricsListen != "" {
		if _, _, ok := splitPort(c.MetricsListen); !ok {
			bad("metrics_listen", "%q is not host:port, such as 127.0.0.1:9100", c.MetricsListen)
		}
	}
}

// checkSession returns what is wrong with how long people stay signed in.
func (c Config) checkSession(bad func(key, format string, args ...any)) {
	const least, most = 5 * time.Minute, 400 * 24 * time.Hour // browsers keep no cookie for longer
	if life := time.Duration(c.SessionLife); life < least || life > most {
		bad("session.life", "must be from 5m to 400d")
	}
	if time.Duration(c.SessionIdle) < least {
		bad("session.idle", "must be at least 5m")
	}
}

// splitPort takes host:port apart.
func splitPort(address string) (host string, port int, ok bool) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, false
	}
	port, err = strconv.Atoi(text)
	return host, port, err == nil && port >= 0 && port < 1<<16
}

// checkNumbers wants every number to be positive: the zero value of a part's
// options means its default, and not none. Where that is found out at run time,
// zero may be said.
func (c Config) checkNumbers() (problems []problem) {
	for _, f := range fields(&c) {
		n, ok := f.number()
		switch {
		case ok && f.auto && n < 0:
			problems = append(problems, problem{key: f.key, text: "must be greater than 0, or 0 for what there is"})
		case ok && !f.auto && n <= 0:
			problems = append(problems, problem{key: f.key, text: "must be greater than 0"})
		}
	}
	return problems
}

func oneOf(bad func(key, format string, args ...any), key, value string, choices ...string) {
	for _, c := range choices {
		if c == value {
			return
		}
	}
	bad(key, "%q is not one of %v", value, choices)
}

// isLoopback reports whether only this machine can reach a listener on host.
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
