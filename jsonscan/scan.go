// Package jsonscan reads JSON text strictly, in place and without allocating:
// it is what the frame and measurement decoders stand on.
//
// It accepts exactly the texts of RFC 8259 that are valid UTF-8, that escape no
// lone surrogates, and that nest at most [MaxDepth] deep. Everything else is an
// error, never repaired: NaN, leading zeros or plus signs, unescaped control
// characters, anything behind the value. Numbers become the float64 that
// strconv.ParseFloat gives, bit for bit.
//
// The functions that take an index work on the text b from b[i] on, and return
// the index behind what they read, or -1 where the text is not valid. None of
// them modifies or keeps b. Names that occur twice in an object are noticed by
// [Object] and [Members]; skipping a value does not look for them.
package jsonscan

import "errors"

// MaxDepth bounds how deep arrays and objects may nest.
const MaxDepth = 64

// Errors that readers of JSON text return, perhaps wrapped.
var (
	// ErrSyntax says that the text is not valid JSON, or nests too deep.
	ErrSyntax = errors.New("not valid JSON")
	// ErrNotObject says that the text is valid JSON but not an object.
	ErrNotObject = errors.New("not a JSON object")
	// ErrDuplicate says that an object has the same key twice.
	ErrDuplicate = errors.New("key occurs twice in a JSON object")
)

// Check returns ErrSyntax unless data is exactly one JSON value, perhaps with
// white space around it.
func Check(data []byte) error {
	if End(data, Value(data, Space(data, 0))) {
		return nil
	}
	return ErrSyntax
}

// End reports whether nothing but white space follows from b[i] on. It is
// false for i < 0, so that it can take the result of the other functions.
func End(b []byte, i int) bool {
	return i >= 0 && Space(b, i) == len(b)
}

// Space skips white space.
func Space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// Byte skips white space, one byte c, and white space again.
func Byte(b []byte, i int, c byte) int {
	if i < 0 {
		return -1
	}
	if i = Space(b, i); i >= len(b) || b[i] != c {
		return -1
	}
	return Space(b, i+1)
}

// Value skips the value that starts at b[i].
func Value(b []byte, i int) int { return value(b, i, MaxDepth) }

func value(b []byte, i, depth int) int {
	if uint(i) >= uint(len(b)) {
		return -1
	}
	switch b[i] {
	case '"':
		end, _ := String(b, i)
		return end
	case '{':
		return object(b, i, depth)
	case '[':
		return array(b, i, depth)
	case 't':
		return literal(b, i, "true")
	case 'f':
		return literal(b, i, "false")
	case 'n':
		return literal(b, i, "null")
	}
	_, _, _, end := scanNumber(b, i)
	return end
}

func literal(b []byte, i int, word string) int {
	end := i + len(word)
	if end > len(b) || string(b[i:end]) != word {
		return -1
	}
	return end
}

func array(b []byte, i, depth int) int {
	if depth == 0 {
		return -1
	}
	if i = Space(b, i+1); i < len(b) && b[i] == ']' {
		return i + 1
	}
	for {
		if i = value(b, i, depth-1); i < 0 {
			return -1
		}
		if i = Space(b, i); i >= len(b) {
			return -1
		}
		switch b[i] {
		case ']':
			return i + 1
		case ',':
			i = Space(b, i+1)
		default:
			return -1
		}
	}
}

func object(b []byte, i, depth int) int {
	if depth == 0 {
		return -1
	}
	if i = Space(b, i+1); i < len(b) && b[i] == '}' {
		return i + 1
	}
	for {
		if i, _ = String(b, i); i < 0 {
			return -1
		}
		if i = Byte(b, i, ':'); i < 0 {
			return -1
		}
		if i = value(b, i, depth-1); i < 0 {
			return -1
		}
		if i = Space(b, i); i >= len(b) {
			return -1
		}
		switch b[i] {
		case '}':
			return i + 1
		case ',':
			i = Space(b, i+1)
		default:
			return -1
		}
	}
}
