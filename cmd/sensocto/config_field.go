package main

import (
	"fmt"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/sensocto/sensocto"
)

// Bytes is a size. It is written as a number with or without KiB, MiB, GiB.
type Bytes int64

var byteUnits = []struct {
	name string
	size Bytes
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}, {"", 1}}

func parseBytes(text string) (Bytes, error) {
	for _, unit := range byteUnits {
		if digits, ok := strings.CutSuffix(text, unit.name); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
			if err != nil || n > int64(1<<50/unit.size) {
				break
			}
			return Bytes(n) * unit.size, nil
		}
	}
	return 0, fmt.Errorf("%q is not a size, such as 4MiB", text)
}

// String returns the size in the largest unit that is exact.
func (b Bytes) String() string {
	for _, unit := range byteUnits[:3] {
		if b >= unit.size && b%unit.size == 0 {
			return strconv.FormatInt(int64(b/unit.size), 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

// Age is how long something is kept: it is written as sensocto.ParseAge reads it.
type Age time.Duration

// String returns what ParseAge reads.
func (a Age) String() string { return sensocto.FormatAge(time.Duration(a)) }

// field is one key of the configuration.
type field struct {
	key, help string
	secret    bool // shown as <redacted>
	auto      bool // zero stands for what the machine has
	value     reflect.Value
}

// fields returns all keys of a configuration, in the order of the struct.
func fields(c *Config) []field {
	v := reflect.ValueOf(c).Elem()
	list := make([]field, 0, v.NumField())
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		list = append(list, field{
			key: tag.Get("key"), help: tag.Get("help"), secret: tag.Get("secret") != "", auto: tag.Get("zero") == "auto", value: v.Field(i),
		})
	}
	return list
}

// variable is the key's name in the environment.
func (f field) variable() string {
	return "SENSOCTO_" + strings.ToUpper(strings.ReplaceAll(f.key, ".", "_"))
}

// flag is the key's name on the command line.
func (f field) flag() string { return strings.NewReplacer(".", "-", "_", "-").Replace(f.key) }

// number returns the value of a key that is one.
func (f field) number() (float64, bool) {
	switch {
	case f.value.CanInt():
		return float64(f.value.Int()), true
	case f.value.CanFloat():
		return f.value.Float(), true
	}
	return 0, false
}

// set reads the value from its text.
func (f field) set(text string) (err error) {
	switch p := f.value.Addr().Interface().(type) {
	case *string:
		*p = text
	case *databaseURL:
		*p = databaseURL(text)
	case *[]string:
		*p = splitList(text)
	case *[]netip.Prefix:
		*p, err = parseNetworks(text)
	case *[]sensocto.Scope:
		*p, err = sensocto.ParseScopes(text)
	case *Bytes:
		*p, err = parseBytes(text)
	case *retentionTable:
		err = p.setText(text)
	case *bool:
		if *p, err = strconv.ParseBool(text); err != nil {
			err = fmt.Errorf("%q is not true or false", text)
		}
	case *time.Duration:
		if *p, err = time.ParseDuration(text); err != nil {
			err = fmt.Errorf("%q is not a duration, such as 10s or 1h30m", text)
		}
	case *Age:
		var age time.Duration
		age, err = sensocto.ParseAge(text)
		*p = Age(age)
	case *int:
		if *p, err = strconv.Atoi(text); err != nil {
			err = fmt.Errorf("%q is not a whole number", text)
		}
	case *float64:
		if *p, err = strconv.ParseFloat(text, 64); err != nil || *p != *p {
			err = fmt.Errorf("%q is not a number", text)
		}
	default:
		panic(fmt.Sprintf("configuration key %s has a type that cannot be read", f.key))
	}
	return err
}

// parseNetworks reads addresses and networks, separated by commas.
func parseNetworks(text string) (networks []netip.Prefix, err error) {
	for _, item := range splitList(text) {
		network, err := netip.ParsePrefix(item)
		if address, e := netip.ParseAddr(item); e == nil {
			network, err = netip.PrefixFrom(address, address.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%q is not an address or a network, such as 10.0.0.0/8", item)
		}
		networks = append(networks, network.Masked())
	}
	return networks, nil
}

func splitList(text string) []string {
	var list []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

// text is the value as it is shown and as set reads it.
func (f field) text() string {
	if f.secret && !f.value.IsZero() {
		return "<redacted>"
	}
	switch v := f.value.Interface().(type) {
	case []string:
		return strings.Join(v, ",")
	case []netip.Prefix:
		networks := make([]string, len(v))
		for i, n := range v {
			networks[i] = n.String()
		}
		return strings.Join(networks, ",")
	case []sensocto.Scope:
		names := make([]string, len(v))
		for i, s := range v {
			names[i] = string(s)
		}
		return strings.Join(names, ",")
	default:
		return fmt.Sprint(v)
	}
}
