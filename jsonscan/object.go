package jsonscan

import "bytes"

// Object calls visit with every key (its text, unescaped) and value (its JSON
// text) of the object that data is, in order. The slices are valid for the
// call, most of them parts of data. It returns ErrSyntax, ErrNotObject,
// ErrDuplicate, or the error with which visit ended it. data is checked to the
// end before the first call: what visit sees is always part of valid JSON.
func Object(data []byte, visit func(key, value []byte) error) error {
	if Check(data) != nil {
		return ErrSyntax
	}
	i := Space(data, 0)
	if data[i] != '{' {
		return ErrNotObject
	}
	var seen keySet
	for i = Space(data, i+1); data[i] != '}'; {
		end, plain := String(data, i)
		key := Unquote(data[i:end], plain)
		if !seen.add(key) {
			return ErrDuplicate
		}
		i = Byte(data, end, ':')
		end = Value(data, i)
		if err := visit(key, data[i:end:end]); err != nil {
			return err
		}
		if i = Space(data, end); data[i] == ',' {
			i = Space(data, i+1)
		}
	}
	return nil
}

// Members reads the object at b[i] in one pass: visit is called with every key
// and the index of its value, and returns the index behind that, or -1. What
// follows has not been looked at then. A key that occurs twice makes the result
// doubled, once all of the object is read; its second value is skipped.
func Members(b []byte, i int, visit func(key []byte, i int) int) (end int, doubled bool) {
	if uint(i) >= uint(len(b)) || b[i] != '{' {
		return -1, false
	}
	var seen keySet
	if i = Space(b, i+1); i < len(b) && b[i] == '}' {
		return i + 1, false
	}
	for {
		end, plain := String(b, i)
		if end < 0 {
			return -1, doubled
		}
		key := Unquote(b[i:end], plain)
		if i = Byte(b, end, ':'); i < 0 {
			return -1, doubled
		}
		if seen.add(key) {
			i = visit(key, i)
		} else {
			doubled = true
			i = Value(b, i)
		}
		if i < 0 {
			return -1, doubled
		}
		if i = Space(b, i); i >= len(b) {
			return -1, doubled
		}
		switch b[i] {
		case '}':
			return i + 1, doubled
		case ',':
			i = Space(b, i+1)
		default:
			return -1, doubled
		}
	}
}

// keySet remembers keys: a few without allocating, many in a map, so that an
// object of many keys costs no quadratic time.
type keySet struct {
	few  [16][]byte
	n    int
	many map[string]struct{}
}

func (s *keySet) add(key []byte) bool {
	for _, k := range s.few[:s.n] {
		if bytes.Equal(k, key) {
			return false
		}
	}
	if s.n < len(s.few) {
		s.few[s.n] = key
		s.n++
		return true
	}
	if _, ok := s.many[string(key)]; ok {
		return false
	}
	if s.many == nil {
		s.many = make(map[string]struct{})
	}
	s.many[string(key)] = struct{}{}
	return true
}
