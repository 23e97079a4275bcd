package postgres

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
)

// hidden stands for a password.
const hidden = "xxxxx"

// Redact returns a URL of a database without its password, for people to see.
func Redact(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return hidden // whatever it is, it may hold a password
	}
	if _, has := u.User.Password(); has {
		u.User = url.UserPassword(u.User.Username(), hidden)
	}
	q := u.Query()
	for _, name := range []string{"password", "sslpassword"} {
		if q.Has(name) {
			q.Set(name, hidden)
			u.RawQuery = q.Encode()
		}
	}
	return u.String()
}

// Check returns what is wrong with the URL of a database.
func Check(text string) error {
	_, err := parse(text)
	return err
}

// address is a URL taken apart.
type address struct {
	name    string // without its password
	secrets *strings.Replacer
	pool    *pgxpool.Config
}

func parse(text string) (address, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return address{}, errors.New("it must be like postgres://user:password@host:5432/database; other characters than letters and digits in the password are written as %XX")
	}
	a := address{name: Redact(text)}
	if password, _ := u.User.Password(); password == hidden {
		return a, fmt.Errorf("the password in %s is not shown: put the real one there, or leave it out and use PGPASSWORD or ~/.pgpass", a.name)
	}
	if a.pool, err = pgxpool.ParseConfig(text); err != nil {
		// The cause may quote parts of the text.
		return a, fmt.Errorf("%s: %s", a.name, secretsOf(u, "").Replace(errors.Unwrap(err).Error()))
	}
	a.secrets = secretsOf(u, a.pool.ConnConfig.Password)
	return a, nil
}

// secretsOf returns what hides passwords in a text, also in the form that they
// have in a URL.
func secretsOf(u *url.URL, password string) *strings.Replacer {
	fromURL, _ := u.User.Password()
	var pairs []string
	for _, secret := range []string{password, fromURL, u.Query().Get("password"), u.Query().Get("sslpassword")} {
		if len(secret) < 3 {
			continue // it would garble every text
		}
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret), strings.TrimPrefix(url.UserPassword("", secret).String(), ":")} {
			pairs = append(pairs, form, hidden)
		}
	}
	return strings.NewReplacer(pairs...)
}
