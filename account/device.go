package account

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"strings"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
)

// How a program gets a token without a password: it shows a code, which its owner
// types into a browser where they are signed in (as in RFC 8628). Nothing of it is
// stored: it is over in minutes.

const (
	// deviceLife is how long a code may be used.
	deviceLife = 10 * time.Minute
	// maxDevices bounds the codes that wait; those of one address are fewer.
	maxDevices          = 1000
	maxDevicesOfAddress = 10
)

var (
	errNoDevice       = &sensocto.Error{Code: sensocto.CodeNotFound, Reason: "unknown_code", Message: "no program waits with this code: it may have expired; start the sign-in again"}
	errDevicePending  = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "pending", Message: "nobody has confirmed the code yet"}
	errTooManyDevices = &sensocto.Error{Code: sensocto.CodeRateLimited, Reason: "too_many_codes", Message: "too many programs wait for their codes to be confirmed: try again later"}
)

// devices are the codes that wait.
type devices struct {
	mu    sync.Mutex
	codes map[string]*deviceCode // by code
}

// deviceCode is a program that waits for its code to be confirmed.
type deviceCode struct {
	secret  string // hash of what the program asks with
	name    string // of the token
	address string
	expires time.Time
	user    *sensocto.User // who has confirmed it
}

// codeAlphabet is Crockford's: no I, L, O or U, which are read wrong.
var codeAlphabet = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// BeginDevice makes a code for a program that is to be called name, and the secret
// with which it asks for its token.
func (a *Accounts) BeginDevice(name, address string) (code, secret string, expires time.Time, err error) {
	if err := checkName(name); err != nil {
		return "", "", time.Time{}, err
	}
	var b [5]byte
	rand.Read(b[:]) // never fails: the runtime aborts instead
	code = codeAlphabet.EncodeToString(b[:])
	code = code[:4] + "-" + code[4:]
	_, secret = newToken()
	d := &deviceCode{secret: string(hashSecret(secret)), name: name, address: addressKey(address), expires: now().Add(deviceLife)}
	a.devices.mu.Lock()
	defer a.devices.mu.Unlock()
	ofAddress := 0
	for other, waiting := range a.devices.codes {
		if !now().Before(waiting.expires) {
			delete(a.devices.codes, other)
		} else if waiting.address == d.address {
			ofAddress++
		}
	}
	if len(a.devices.codes) >= maxDevices || ofAddress >= maxDevicesOfAddress || a.devices.codes[code] != nil {
		return "", "", time.Time{}, errTooManyDevices
	}
	if a.devices.codes == nil {
		a.devices.codes = make(map[string]*deviceCode)
	}
	a.devices.codes[code] = d
	return code, secret, d.expires, nil
}

// deviceScopes are what the token of a program may do.
func deviceScopes() []sensocto.Scope {
	return []sensocto.Scope{sensocto.ScopeView, sensocto.ScopeIngest}
}

// Device returns the program that waits with a code, for its owner to look at
// before they confirm it. Guesses are limited.
func (a *Accounts) Device(u sensocto.User, code, address string) (r sensocto.DeviceRequest, err error) {
	err = a.withDevice(u, code, address, func(d *deviceCode) {
		r = sensocto.DeviceRequest{Name: d.name, Address: d.address, Scopes: deviceScopes(), ExpiresAt: d.expires}
	})
	return r, err
}

// ConfirmDevice lets the program with a code have a token of the user's. Guesses
// are limited.
func (a *Accounts) ConfirmDevice(u sensocto.User, code, address string) (name string, err error) {
	err = a.withDevice(u, code, address, func(d *deviceCode) { d.user, name = &u, d.name })
	return name, err
}

// withDevice calls f with the program that waits with a code.
func (a *Accounts) withDevice(u sensocto.User, code, address string, f func(*deviceCode)) error {
	if err := a.BeginAttempt("device code", u.ID, address); err != nil {
		return err
	}
	code = strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(code))
	if len(code) == 8 {
		code = code[:4] + "-" + code[4:]
	}
	a.devices.mu.Lock()
	defer a.devices.mu.Unlock()
	d := a.devices.codes[code]
	if d == nil || !now().Before(d.expires) || d.user != nil {
		return errNoDevice
	}
	f(d)
	a.AttemptSucceeded("device code", u.ID, address)
	return nil
}

// DeviceToken gives the program with a secret its token, once. It returns an error
// of reason pending while nobody has confirmed the code.
func (a *Accounts) DeviceToken(ctx context.Context, secret string) (text string, u sensocto.User, err error) {
	d, err := a.devices.take(string(hashSecret(secret)))
	if err != nil {
		return "", u, err
	}
	if u, err = a.store.User(ctx, d.user.ID); err != nil || !u.Active(now()) {
		return "", u, errNoDevice
	}
	text, _, err = a.CreateUserToken(ctx, u, sensocto.Token{Name: d.name, Scopes: deviceScopes()})
	return text, u, err
}

// take removes a code that was confirmed.
func (d *devices) take(secret string) (*deviceCode, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for code, waiting := range d.codes {
		switch {
		case waiting.secret != secret || !now().Before(waiting.expires):
		case waiting.user == nil:
			return nil, errDevicePending
		default:
			delete(d.codes, code)
			return waiting, nil
		}
	}
	return nil, errNoDevice
}
