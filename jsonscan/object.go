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
