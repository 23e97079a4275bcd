package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/account"
)

type userCmd struct {
	Create    userCreateCmd  `cmd:"" help:"Make an account, and print a link that sets its password."`
	List      userListCmd    `cmd:"" help:"List all accounts."`
	Reset     userResetCmd   `cmd:"" help:"Print a link that sets a new password."`
	Disable   userDisableCmd `cmd:"" help:"Keep somebody from signing in, and end what they began."`
	SignOut   userSignOutCmd `cmd:"" help:"End all sessions of somebody, who signs in again."`
	Enable    userEnableCmd  `cmd:"" help:"Let somebody in again."`
	Delete    userDeleteCmd  `cmd:"" help:"Erase somebody with everything that is theirs; it cannot be undone."`
	MakeAdmin userAdminCmd   `cmd:"" help:"Make somebody an administrator, or take that back."`
}

// Help is shown by --help.
func (userCmd) Help() string {
	return `Accounts are in the server's database, which these commands open themselves: they work
while the server runs, and it takes notice at once. Name the data directory as for
'sensocto serve', with --data-dir, SENSOCTO_DATA_DIR or a configuration file.

A link works once, and for a day. It begins with what 'url' of the server's configuration
says, or with the address that the server listens on.

Examples:
  sensocto user create ada@example.org --name "Ada" --admin
  sensocto user list
  sensocto user reset ada@example.org`
}

// linkLife is how long a link that is printed works.
const linkLife = 24 * time.Hour

// linkFlags are for commands that print a link.
type linkFlags struct {
	databaseFlags
	URL *string `name:"url" placeholder:"URL" help:"What links begin with. Default: as the server's configuration says."`
}

func (l linkFlags) flags() serverFlags {
	flags := l.databaseFlags.flags()
	flags.URL = l.URL
	return flags
}

type userCreateCmd struct {
	linkFlags
	Email         string `arg:"" help:"E-mail address, with which the person signs in."`
	Name          string `required:"" help:"What others see."`
	Admin         bool   `help:"Make the person an administrator."`
	PasswordStdin bool   `help:"Read the password from standard input, instead of printing a link."`
}

// Run prints the link alone, so that a script can take it.
func (c userCreateCmd) Run(a *app) error {
	s := sensocto.SignUp{Email: c.Email, Name: c.Name, Admin: c.Admin}
	if c.PasswordStdin {
		line, err := bufio.NewReader(os.Stdin).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if s.Password = strings.TrimRight(line, "\r\n"); s.Password == "" {
			return usagef("--password-stdin: there is no password on standard input")
		}
	}
	return withAccounts(a, c.flags(), true, func(ctx context.Context, config Config, accounts *account.Accounts) error {
		u, err := accounts.CreateUser(ctx, s)
		if err != nil || s.Password != "" {
			return err
		}
		return printReset(ctx, a, config, accounts, u)
	})
}

func printReset(ctx context.Context, a *app, config Config, accounts *account.Accounts, u sensocto.User) error {
	secret, err := accounts.NewLink(ctx, sensocto.LinkReset, u.ID, "", linkLife)
	if err == nil {
		fmt.Fprintln(a.stdout, sensocto.LinkReset.URL(config.baseURL(), secret))
	}
	return err
}

type userListCmd struct {
	databaseFlags
}

// Run prints a table.
func (c userListCmd) Run(a *app) error {
	return c.with(a, false, func(ctx context.Context, accounts *account.Accounts) error {
		w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tNAME\tE-MAIL\tKIND\tCREATED\tDISABLED")
		const page = 500
		for after := ""; ; {
			users, err := accounts.Users(ctx, after, page)
			if err != nil {
				return err
			}
			for _, u := range users {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", u.ID, u.Name, orDash(u.Email), kindOf(u), u.CreatedAt.Format(time.RFC3339), timeOrDash(u.DisabledAt))
				after = u.ID
			}
			if len(users) < page {
				return w.Flush()
			}
		}
	})
}

func kindOf(u sensocto.User) string {
	switch {
	case u.IsAdmin:
		return "admin"
	case u.IsGuest:
		return "guest"
	}
	return "user"
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func timeOrDash(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format(time.RFC3339)
}

// userArg names a user of a command.
type userArg struct {
	linkFlags
	User string `arg:"" help:"E-mail address or id, as 'sensocto user list' shows them."`
}

func (c userArg) withUser(a *app, f func(context.Context, Config, *account.Accounts, sensocto.User) error) error {
	return withAccounts(a, c.flags(), false, func(ctx context.Context, config Config, accounts *account.Accounts) error {
		u, err := accounts.FindUser(ctx, c.User)
		if errors.Is(err, sensocto.ErrNotFound) {
			return fmt.Errorf("there is no user %q: 'sensocto user list' shows them all", c.User)
		}
		if err != nil {
			return err
		}
		return f(ctx, config, accounts, u)
	})
}

type userResetCmd struct{ userArg }

// Run prints the link alone.
func (c userResetCmd) Run(a *app) error {
	return c.withUser(a, func(ctx context.Context, config Config, accounts *account.Accounts, u sensocto.User) error {
		return printReset(ctx, a, config, accounts, u)
	})
}

type userDisableCmd struct{ userArg }

// Run disables the account.
func (c userDisableCmd) Run(a *app) error {
	return c.withUser(a, func(ctx context.Context, _ Config, accounts *account.Accounts, u sensocto.User) error {
		_, err := accounts.SetDisabled(ctx, u, true)
		return err
	})
}

type userSignOutCmd struct{ userArg }

// Run ends the sessions. A server that runs closes their channels.
func (c userSignOutCmd) Run(a *app) error {
	return c.withUser(a, func(ctx context.Context, _ Config, accounts *account.Accounts, u sensocto.User) error {
		return accounts.SignOut(ctx, u.ID, "")
	})
}

type userEnableCmd struct{ userArg }

// Run enables the account.
func (c userEnableCmd) Run(a *app) error {
	return c.withUser(a, func(ctx context.Context, _ Config, accounts *account.Accounts, u sensocto.User) error {
		_, err := accounts.SetDisabled(ctx, u, false)
		return err
	})
}

type userAdminCmd struct {
	userArg
	Revoke bool `help:"Take it back."`
}

// Run makes an administrator.
func (c userAdminCmd) Run(a *app) error {
	return c.withUser(a, func(ctx context.Context, _ Config, accounts *account.Accounts, u sensocto.User) error {
		_, err := accounts.SetAdmin(ctx, u, !c.Revoke)
		return err
	})
}

type userDeleteCmd struct {
	userArg
	Yes bool `help:"Do not ask."`
}

// Run marks the account. The server removes all that is theirs, at once where it
// runs: sensors are in its memory and its journal as well.
func (c userDeleteCmd) Run(a *app) error {
	return c.withUser(a, func(ctx context.Context, _ Config, accounts *account.Accounts, u sensocto.User) error {
		if !c.Yes {
			ok, err := a.confirm(fmt.Sprintf("Erase %s (%s) with all sensors, measurements and rooms that are theirs? It cannot be undone.", u.Name, orDash(u.Email)))
			if err != nil || !ok {
				return err
			}
		}
		if err := accounts.Erase(ctx, u); err != nil {
			return err
		}
		fmt.Fprintln(a.stderr, "The account has ended. The server removes what is theirs, at once where it runs, else when it starts.")
		return nil
	})
}
