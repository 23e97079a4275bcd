package jsonscan_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/sensocto/sensocto/jsonscan"
)

func TestCheck(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct {
		text  string
		valid bool
	}{
		{`{}`, true}, {`[]`, true}, {` [ 1 , 2 ] `, true}, {"\t{\"a\"\r:\n1}", true},
		{`null`, true}, {`true`, true}, {`false`, true}, {`"x"`, true}, {`0`, true},
		{`{"a":{"b":[1,{"c":null}]},"a":2}`, true},
		{deep(jsonscan.MaxDepth), true}, {deep(jsonscan.MaxDepth + 1), false}, {deep(20000), false},
		{strings.Repeat(`{"a":`, 64) + `1` + strings.Repeat(`}`, 64), true},
		{strings.Repeat(`{"a":`, 65) + `1` + strings.Repeat(`}`, 65), false},
		{``, false}, {` `, false}, {`{}x`, false}, {`{} {}`, false}, {`1 2`, false}, {`[1,]`, false},
		{`[,1]`, false}, {`[1 2]`, false}, {`{"a"}`, false}, {`{"a":}`, false}, {`{"a":1,}`, false},
		{`{a:1}`, false}, {`{"a":1 "b":2}`, false}, {`[`, false}, {`{`, false}, {`[1`, false}, {`{"a":1`, false},
		{`nul`, false}, {`nulls`, false}, {`True`, false}, {`NaN`, false}, {`Infinity`, false}, {`-Infinity`, false},
		{"\ufeff{}", false}, {"[1]\x00", false}, {`'a'`, false}, {"[1]//", false},
		{`01`, false}, {`-01`, false}, {`+1`, false}, {`1.`, false}, {`.5`, false}, {`-`, false}, {`1e`, false},
		{`1e+`, false}, {`0x10`, false}, {`1_000`, false}, {`--1`, false}, {`1.e3`, false},
		{`-0`, true}, {`1E5`, true}, {`1e-05`, true}, {`-0.0e+00`, true}, {`1e999`, true},
		{`"` + strings.Repeat("a", 50) + `\n"`, true}, {`"\u00e9\ud83d\ude00"`, true}, {`"\ud800"`, false},
		{`"\udc00"`, false}, {`"\ud800x"`, false}, {`"\ud800\u0041"`, false}, {`"\ud800\ud800"`, false},
		{`"\u12"`, false}, {`"\u12G4"`, false}, {`"\x41"`, false}, {`"\`, false}, {`"`, false}, {`"\"`, false},
		{"\"a\nb\"", false}, {"\"12345678\x1f\"", false}, {"\"\x7f\"", true}, {"\"é😀\"", true},
		{"\"\xff\"", false}, {"\"\xc3\"", false}, {"\"\xed\xa0\x80\"", false}, {"\"\xc0\xaf\"", false}, {"\"abcdefgh\xf8\"", false},
	} {
		if err := jsonscan.Check([]byte(c.text)); (err == nil) != c.valid || err != nil && !errors.Is(err, jsonscan.ErrSyntax) {
			t.Errorf("Check(%.60q) = %v, want valid %v", c.text, err, c.valid)
		}
	}
}

func TestNumber(t *testing.T) {
	for _, text := range []string{
		"0", "-0", "0.0", "-0.0", "1", "-1", "0.1", "-0.145", "1e22", "1e23", "1e-22", "1e-23", "123456789012345678",
		"9007199254740991", "9007199254740992", "9007199254740993", "9007199254740993e1", "1700000000123.456",
		"2.2250738585072011e-308", "5e-324", "2e-324", "1.7976931348623157e308", "1.7976931348623159e308", "1e999", "-1e999",
		"0.000000000000000000000000000000001", "1e99999999999999999999", "1e-99999999999999999999", "0e99999",
		"100000000000000000000000", "0.30000000000000004", "8.41", "3.4028234663852886e38", "18446744073709551616",
		"1" + strings.Repeat("0", 400) + "e-400", "0." + strings.Repeat("0", 400) + "1e401",
	} {
		checkNumber(t, text)
	}
}

func checkNumber(t *testing.T, text string) {
	t.Helper()
	want, _ := strconv.ParseFloat(text, 64)
	got, end := jsonscan.Number([]byte(text+","), 0)
	if end != len(text) || math.Float64bits(got) != math.Float64bits(want) {
		t.Errorf("Number(%q) = %v, %d; want %v, %d", text, got, end, want, len(text))
	}
}

// Digits are read eight at a time: whatever byte comes after any number of them
// ends the number there.
func TestNumber_EndsWhereTheDigitsEnd(t *testing.T) {
	for count := 1; count <= 18; count++ {
		digits := "987654321012345678"[:count]
		want, _ := strconv.ParseFloat(digits, 64)
		for next := range 256 {
			if c := byte(next); c >= '0' && c <= '9' || strings.IndexByte(".eE", c) >= 0 {
				continue
			}
			text := digits + string([]byte{byte(next)}) + "00000000"
			if got, end := jsonscan.Number([]byte(text), 0); got != want || end != count {
				t.Errorf("Number(%q) = %v, %d; want %v, %d", text, got, end, want, count)
			}
		}
	}
}

func TestDecimal(t *testing.T) {
	for _, c := range []struct {
		text     string
		digits   int64
		exponent int
		exact    bool
	}{
		{"1700000000123.5", 17000000001235, -1, true},
		{"-12e3", -12, 3, true},
		{"999999999999999999", 999999999999999999, 0, true},
		{"0.999999999999999999", 999999999999999999, -18, false},
	} {
		digits, exponent, exact, end := jsonscan.Decimal([]byte(c.text), 0)
		if end != len(c.text) || exact != c.exact || digits != c.digits || exponent != c.exponent {
			t.Errorf("Decimal(%q) = %d, %d, %v, %d", c.text, digits, exponent, exact, end)
		}
	}
}

func TestStrings(t *testing.T) {
	for _, text := range []string{"", "a", "ECG_1", "a\"b\\c/d", "\b\f\n\r\t\x00\x1f\x7f", "é😀\u2028", "long enough for eight bytes at once \" and on"} {
		token := jsonscan.AppendString(nil, text)
		if !bytes.Equal(token, jsonscan.AppendString(nil, []byte(text))) {
			t.Errorf("string and bytes of %q differ", text)
		}
		end, plain := jsonscan.String(token, 0)
		if end != len(token) {
			t.Fatalf("String(%s) = %d", token, end)
		}
		if got := jsonscan.Unquote(token, plain); string(got) != text {
			t.Errorf("Unquote(%s) = %q, want %q", token, got, text)
		}
	}
	if got := jsonscan.AppendString(nil, "a\xffb\xc3"); string(got) != "\"a\uFFFDb\uFFFD\"" {
		t.Errorf("bad UTF-8 became %q", got)
	}
	if got := jsonscan.AppendUnquoted(nil, []byte(`"\u0041\/\ud83d\ude00"`)); string(got) != "A/😀" {
		t.Errorf("unquoted %q", got)
	}
}

func TestObject(t *testing.T) {
	many := `{"k0":0`
	for i := 1; i < 100; i++ {
		many += `,"k` + strconv.Itoa(i) + `":0`
	}
	stop := errors.New("stop")
	for _, c := range []struct {
		text, want string
		err        error
	}{
		{`{}`, ``, nil},
		{` { "a" : 1 , "b" : [ 2 ] } `, `a=1;b=[ 2 ];`, nil},
		{`{"\u0061":"x"}`, `a="x";`, nil},
		{`{"a":1,"\u0061":2}`, `a=1;`, jsonscan.ErrDuplicate},
		{many + `}`, ``, nil},
		{many + `,"k7":1}`, ``, jsonscan.ErrDuplicate},
		{many + `,"k70":1}`, ``, jsonscan.ErrDuplicate},
		{`[]`, ``, jsonscan.ErrNotObject},
		{`{"a":1,}`, ``, jsonscan.ErrSyntax},
		{`{"a":1} 2`, ``, jsonscan.ErrSyntax},
		{`{"a":1,"stop":2,"b":3}`, `a=1;`, stop},
	} {
		got := ""
		err := jsonscan.Object([]byte(c.text), func(key, value []byte) error {
			if string(key) == "stop" {
				return stop
			}
			got += string(key) + "=" + string(value) + ";"
			return nil
		})
		if !errors.Is(err, c.err) || c.want != "" && got != c.want {
			t.Errorf("Object(%.40s) visited %q, %v; want %q, %v", c.text, got, err, c.want, c.err)
		}
	}
}

func TestAllocatesNothing(t *testing.T) {
	text := []byte(`{"a":[1.5,-2e10,123456789012345678901234567890.12345],"b":"x\n\u0041","c":{"d":null}}`)
	n := testing.AllocsPerRun(100, func() {
		if jsonscan.Check(text) != nil || jsonscan.Object(text, func(_, _ []byte) error { return nil }) != nil {
			t.Fatal("refused")
		}
		jsonscan.Number(text, 6)
		jsonscan.Number(text, 18)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzCheck compares with an independent strict reader: what is valid, and what
// numbers and strings mean.
func FuzzCheck(f *testing.F) {
	for _, text := range []string{`{"a":[1,-0.5e3,true,null],"b":"\u00e9\ud83d\ude00\n"}`, `[[[]]]`, `"\ud800"`, `01`, "\"\xff\"", `1e400`, ` 1 `} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		valid, depth := reference(text)
		got := jsonscan.Check(text) == nil
		if got != (valid && depth <= jsonscan.MaxDepth) {
			t.Fatalf("Check(%q) says %v, reference %v with depth %d", text, got, valid, depth)
		}
		if got {
			compareValue(t, text)
		}
		err := jsonscan.Object(text, func(_, value []byte) error {
			if jsonscan.Check(value) != nil {
				t.Fatalf("Object gave %q", value)
			}
			return nil
		})
		if errors.Is(err, jsonscan.ErrSyntax) == got {
			t.Fatalf("Object(%q) = %v", text, err)
		}
	})
}

func reference(text []byte) (valid bool, depth int) {
	d := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true))
	for {
		_, err := d.ReadToken()
		depth = max(depth, d.StackDepth())
		switch {
		case err == io.EOF:
			return jsontext.Value(text).IsValid(jsontext.AllowDuplicateNames(true)), depth
		case err != nil:
			return false, depth
		}
	}
}

func compareValue(t *testing.T, text []byte) {
	i := jsonscan.Space(text, 0)
	switch c := text[i]; {
	case c == '"':
		var want string
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		end, plain := jsonscan.String(text, i)
		if got := jsonscan.Unquote(text[i:end], plain); string(got) != want {
			t.Fatalf("Unquote(%q) = %q, want %q", text, got, want)
		}
	case c == '-' || '0' <= c && c <= '9':
		checkNumber(t, strings.Trim(string(text), " \t\r\n"))
	}
}

// FuzzNumber leans on digits, so that it finds rounding rather than syntax.
func FuzzNumber(f *testing.F) {
	f.Add(uint64(9007199254740993), uint64(123), int16(-22), true)
	f.Add(uint64(1), uint64(0), int16(308), false)
	f.Fuzz(func(t *testing.T, whole, fraction uint64, exponent int16, negative bool) {
		text := strconv.FormatUint(whole, 10)
		if negative {
			text = "-" + text
		}
		checkNumber(t, text)
		text += "." + strconv.FormatUint(fraction, 10)
		checkNumber(t, text)
		checkNumber(t, text+"e"+strconv.Itoa(int(exponent)))
	})
}

// FuzzAppendString checks that any text survives quoting, bad UTF-8 replaced.
func FuzzAppendString(f *testing.F) {
	f.Add("a\"\\\n\xffé")
	f.Fuzz(func(t *testing.T, s string) {
		token := jsonscan.AppendString(nil, s)
		var got string
		if err := json.Unmarshal(token, &got); err != nil || got != strings.ToValidUTF8(s, "\uFFFD") && len([]rune(got)) != len([]rune(s)) {
			t.Fatalf("%q became %s: %q, %v", s, token, got, err)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	text := []byte(`{"sensor_id":"s1","values":[1,2.5,-3e2,"text of some length, to scan"],"nested":{"ok":true,"none":null}}`)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if jsonscan.Check(text) != nil {
			b.Fatal("refused")
		}
	}
}

func BenchmarkNumber(b *testing.B) {
	for _, text := range []string{"-0.145", "1700000000123.456", "0.30000000000000004"} {
		b.Run(text, func(b *testing.B) {
			data := []byte(text)
			b.ReportAllocs()
			for b.Loop() {
				jsonscan.Number(data, 0)
			}
		})
	}
}
