package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/account"
	"github.com/sensocto/sensocto/audit"
	"github.com/sensocto/sensocto/peopledb"
)

type tokenCmd struct {
	Create tokenCreateCmd `cmd:"" help:"Create a token and print it."`
	List   tokenListCmd   `cmd:"" help:"List all tokens."`
	Revoke tokenRevokeCmd `cmd:"" help:"Revoke a token, at once."`
}

// Help is shown by --help.
func (tokenCmd) Help() string {
	return `Tokens are in the server's database, which these commands open themselves: they work
while the server runs, and it takes notice at once. Name the data directory as for
'sensocto serve', with --data-dir, SENSOCTO_DATA_DIR or a configuration file.

Examples:
  sensocto token create --name ecg-1 --scope ingest
  TOKEN=$(sensocto token create --name me --scope ingest,view --data-dir ./data)
  sensocto token list
  sensocto token revoke ecg-1`
}

// databaseFlags say where the database is.
type databaseFlags struct {
	ConfigFile string  `name:"config" placeholder:"FILE" help:"Configuration file of the server. Also SENSOCTO_CONFIG."`
	DataDir    *string `placeholder:"DIR" help:"The server's data directory, default $XDG_DATA_HOME/sensocto."`
	Database   *string `name:"database-url" placeholder:"URL" help:"The server's PostgreSQL database, where it uses one. Also SENSOCTO_DATABASE_URL."`
}

func (d databaseFlags) flags() serverFlags {
	return serverFlags{ConfigFile: d.ConfigFile, DataDir: d.DataDir, Database: d.Database}
}

func (d databaseFlags) load(a *app) (Config, error) { return d.flags().load(a) }

// with calls f with the accounts in the database. One that is not there is made
// only where create says so: a server may find it later.
func (d databaseFlags) with(a *app, create bool, f func(context.Context, *account.Accounts) error) error {
	return d.withConfig(a, create, func(ctx context.Context, _ Config, accounts *account.Accounts) error { return f(ctx, accounts) })
}

// withConfig is with, for what has to know the server's configuration as well.
func (d databaseFlags) withConfig(a *app, create bool, f func(context.Context, Config, *account.Accounts) error) (err error) {
	return withAccounts(a, d.flags(), create, f)
}

func withAccounts(a *app, flags serverFlags, create bool, f func(context.Context, Config, *account.Accounts) error) (err error) {
	config, err := flags.load(a)
	if err != nil {
		return err
	}
	switch _, err := os.Stat(config.database()); {
	case err == nil || config.DatabaseURL != "":
	case !create:
		return fmt.Errorf("there is no database in %s: name the server's data directory with --data-dir", config.DataDir)
	default:
		fmt.Fprintf(a.stderr, "a new database is made in %s: is that the server's data directory?\n", config.DataDir)
	}
	db, err := openBeside(a.ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	people := peopledb.New(db)
	log := audit.New(audit.Options{Store: people})
	// Whoever can open the database is its operator.
	ctx := sensocto.WithCaller(a.ctx, sensocto.Caller{Identity: sensocto.Identity{ID: "command line", OwnerID: sensocto.OperatorID}})
	err = f(ctx, config, account.New(account.Options{Store: people, Audit: log}))
	return errors.Join(err, log.Flush(context.WithoutCancel(ctx)))
}

type tokenCreateCmd struct {
	databaseFlags
	Name  string `required:"" help:"What the token is for; unique among the valid ones."`
	Scope string `required:"" placeholder:"SCOPES" help:"What it may do: ingest, view, admin, separated by commas."`
}

// Run prints the token alone, so that a script can take it.
func (c tokenCreateCmd) Run(a *app) error {
	scopes, err := sensocto.ParseScopes(c.Scope)
	if err != nil {
		return usagef("--scope: %w", err)
	}
	return c.with(a, true, func(ctx context.Context, accounts *account.Accounts) error {
		text, _, err := accounts.Create(ctx, c.Name, scopes)
		if err == nil {
			fmt.Fprintln(a.stdout, text)
		}
		return err
	})
}

type tokenListCmd struct {
	databaseFlags
}

// Run prints a table.
func (c tokenListCmd) Run(a *app) error {
	return c.with(a, false, func(ctx context.Context, accounts *account.Accounts) error {
		tokens, err := accounts.List(ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tNAME\tSCOPES\tCREATED\tREVOKED")
		for _, t := range tokens {
			revoked := "-"
			if !t.RevokedAt.IsZero() {
				revoked = t.RevokedAt.Format(time.RFC3339)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", t.ID, t.Name, joinScopes(t.Scopes), t.CreatedAt.Format(time.RFC3339), revoked)
		}
		return w.Flush()
	})
}

func joinScopes(scopes []sensocto.Scope) (text string) {
	for i, s := range scopes {
		if i > 0 {
			text += ","
		}
		text += string(s)
	}
	return text
}

type tokenRevokeCmd struct {
	databaseFlags
	Token string `arg:"" help:"The token's id or name, as 'sensocto token list' shows them."`
}

// Run revokes the token.
func (c tokenRevokeCmd) Run(a *app) error {
	return c.with(a, false, func(ctx context.Context, accounts *account.Accounts) error {
		err := accounts.Revoke(ctx, c.Token)
		if errors.Is(err, sensocto.ErrNotFound) {
			return fmt.Errorf("there is no valid token %q: 'sensocto token list' shows them all", c.Token)
		}
		return err
	})
}
