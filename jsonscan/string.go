package jsonscan

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// String skips the string that starts with the quotation mark b[i]. Where
// plain is true the string has no escapes: b[i+1:end-1] is its text.
func String(b []byte, i int) (end int, plain bool) {
	if uint(i) >= uint(len(b)) || b[i] != '"' {
		return -1, false
	}
	plain = true
	for i++; ; {
		if i = skipPlain(b, i); i >= len(b) {
			return -1, false
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1, plain
		case c == '\\':
			plain = false
			if i = skipEscape(b, i); i < 0 {
				return -1, false
			}
		case c < 0x20:
			return -1, false
		default:
			r, size := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && size == 1 {
				return -1, false
			}
			i += size
		}
	}
}

// skipPlain returns the index of the first byte that ends a run of ordinary
// ASCII: a quotation mark, a backslash, a control character, a byte over 0x7f.
func skipPlain(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		if m := special(binary.LittleEndian.Uint64(b[i:])); m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for i < len(b) && b[i] >= 0x20 && b[i] < 0x80 && b[i] != '"' && b[i] != '\\' {
		i++
	}
	return i
}

// special sets the top bit of each of eight bytes that is not ordinary ASCII
// inside a string. A borrow may set bits above the lowest true one as well:
// only the lowest is to be trusted.
func special(w uint64) uint64 {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	quote := w ^ ones*'"'
	slash := w ^ ones*'\\'
	return (w | (w - ones*0x20) | (quote - ones) | (slash - ones)) & tops
}

// skipEscape skips the escape that starts with the backslash b[i]. A surrogate
// is valid only as a pair, both escaped.
func skipEscape(b []byte, i int) int {
	if i+1 >= len(b) {
		return -1
	}
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		_, end := escapedRune(b, i)
		return end
	}
	return -1
}

// escapedRune reads \uXXXX, or the pair of them that stands for one rune.
func escapedRune(b []byte, i int) (r rune, end int) {
	r = hex4(b, i)
	if r < 0 {
		return -1, -1
	}
	if !utf16.IsSurrogate(r) {
		return r, i + 6
	}
	r = utf16.DecodeRune(r, hex4(b, i+6))
	if r == utf8.RuneError {
		return -1, -1
	}
	return r, i + 12
}

// hex4 returns the number in \uXXXX at b[i], -1 where there is none.
func hex4(b []byte, i int) (r rune) {
	if i+6 > len(b) || b[i] != '\\' || b[i+1] != 'u' {
		return -1
	}
	for _, c := range b[i+2 : i+6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// AppendUnquoted appends the text of a string token, quotation marks included,
// that [String] accepted.
func AppendUnquoted(dst, token []byte) []byte {
	b := token[:len(token)-1]
	for i := 1; i < len(b); {
		if b[i] != '\\' {
			dst = append(dst, b[i])
			i++
			continue
		}
		switch c := b[i+1]; c {
		case 'u':
			var r rune
			r, i = escapedRune(b, i)
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, unescaped(c))
			i += 2
		}
	}
	return dst
}

func unescaped(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// Unquote returns the text of a string token that [String] accepted: a part of
// the token where that has no escapes, else a copy.
func Unquote(token []byte, plain bool) []byte {
	if plain {
		return token[1 : len(token)-1 : len(token)-1]
	}
	return AppendUnquoted(make([]byte, 0, len(token)), token)
}

// AppendString appends s as a JSON string. Bytes that are not UTF-8 become
// U+FFFD.
func AppendString[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c < 0x80 && c != '"' && c != '\\' {
			i++
			continue
		}
		if c < 0x80 {
			dst = appendEscape(append(dst, s[from:i]...), c)
			i++
			from = i
			continue
		}
		r, size := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
		if r == utf8.RuneError && size == 1 {
			dst = append(append(dst, s[from:i]...), "\uFFFD"...)
			from = i + 1
		}
		i += size
	}
	return append(append(dst, s[from:]...), '"')
}

func appendEscape(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
