package alert

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sensocto/sensocto"
)

// callTimeout bounds one call of a webhook, from the look-up of its name on.
const callTimeout = 5 * time.Second

// errForbidden says that a webhook's name leads to where none may go.
var errForbidden = &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "address_refused", Message: "the webhook's address is a private or reserved one, which this server does not call"}

// errRedirect says that a webhook answers with a redirect.
var errRedirect = errors.New("the webhook answers with a redirect: use the address that it leads to")

// reserved are networks that are not of the public Internet, beside those that
// netip knows. Some carry an address of IPv4 inside, which may be any.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"), netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("2001::/32"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("fec0::/10"),
}

// public reports whether an address is one of the public Internet.
func public(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if !ip.IsGlobalUnicast() || ip.IsPrivate() { // loopback, link-local, multicast and unspecified ones are not global
		return false
	}
	for _, p := range reserved {
		if p.Contains(ip) {
			return false
		}
	}
	return true
}

// onlyPublic is the Control of a dialer: it sees the address that is dialled,
// after the name was looked up, so no answer of a name server gets around it.
func onlyPublic(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !public(to.Addr()) {
		return errForbidden
	}
	return nil
}

// newClient returns a client for webhooks. It uses no proxy, which would dial in
// its place; it follows no redirect and keeps no connection.
func newClient(allowPrivate bool, resolver *net.Resolver) *http.Client {
	dialer := &net.Dialer{Timeout: callTimeout, Resolver: resolver}
	if !allowPrivate {
		dialer.Control = onlyPublic
	}
	return &http.Client{
		Timeout: callTimeout,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, DisableKeepAlives: true, ForceAttemptHTTP2: true,
			MaxResponseHeaderBytes: 16 << 10, TLSHandshakeTimeout: callTimeout,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// sign returns the signature of Standard Webhooks: version 1, an HMAC-SHA256 of
// id, time and body under the secret.
func sign(secret, id string, at int64, body []byte) (string, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, secretPrefix))
	if err != nil {
		return "", errors.New("the secret of the webhook is damaged: renew it")
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.%s", id, at, body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}

// post calls a webhook once. It reports whether trying again may help.
func (h *hooks) post(ctx context.Context, c call, secret string) (again bool, err error) {
	at := time.Now().Unix()
	signature, err := sign(secret, c.id, at, c.body)
	if err != nil {
		return false, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(c.body))
	if err != nil {
		return false, errors.New("the webhook's address is not valid")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "SensOcto")
	req.Header.Set("Webhook-Id", c.id)
	req.Header.Set("Webhook-Timestamp", strconv.FormatInt(at, 10))
	req.Header.Set("Webhook-Signature", signature)
	resp, err := h.client.Do(req)
	if err != nil {
		return !errors.Is(err, errForbidden), err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10)) // of no interest; a short answer ends in order
	switch code := resp.StatusCode; {
	case code >= 200 && code < 300:
		return false, nil
	case code >= 300 && code < 400:
		return false, errRedirect
	case code == http.StatusGone:
		return false, errors.New("the webhook answers 410: it wants no more")
	default:
		return true, fmt.Errorf("the webhook answers %d", code)
	}
}

// explain says what went wrong in words that tell nothing of the server's
// network, and nothing of the address, which may hold a secret.
func explain(err error) string {
	var e *sensocto.Error
	var timeout interface{ Timeout() bool }
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &e):
		return e.Error()
	case errors.As(err, &dns):
		return "the webhook's name is not known"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "the webhook does not answer in time"
	case errors.As(err, &op):
		return "the webhook cannot be reached"
	case strings.HasPrefix(err.Error(), "the webhook"), strings.HasPrefix(err.Error(), "the secret"):
		return err.Error()
	}
	return "the call failed: see the log of the server"
}
