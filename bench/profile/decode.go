package profile

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// Sample is how long a stack was running. The innermost function comes first.
type Sample struct {
	Stack []string
	CPU   time.Duration
}

// maxProfile bounds a profile after decompression.
const maxProfile = 256 << 20

var errProfile = errors.New("it is no CPU profile")

// Read reads a profile in pprof's format, compressed or not.
func Read(content []byte) ([]Sample, error) {
	if bytes.HasPrefix(content, []byte{0x1f, 0x8b}) {
		r, err := gzip.NewReader(bytes.NewReader(content))
		if err != nil {
			return nil, fmt.Errorf("decompress the profile: %w", err)
		}
		if content, err = io.ReadAll(io.LimitReader(r, maxProfile)); err != nil {
			return nil, fmt.Errorf("decompress the profile: %w", err)
		}
	}
	t := tables{locations: map[uint64][]uint64{}, functions: map[uint64]uint64{}}
	if err := each(content, t.field); err != nil {
		return nil, fmt.Errorf("read the profile: %w", err)
	}
	return t.resolve()
}

// tables are the parts of a profile, which refer to each other by number. The
// numbers of fields below are those of pprof's profile.proto.
type tables struct {
	samples   []raw
	locations map[uint64][]uint64 // functions by location, innermost first
	functions map[uint64]uint64   // name by function
	names     []string
}

type raw struct{ locations, values []uint64 }

func (t *tables) field(number int, v value) error {
	switch number {
	case 2:
		var s raw
		err := each(v.bytes, func(n int, v value) error {
			switch n {
			case 1:
				return v.numbers(&s.locations)
			case 2:
				return v.numbers(&s.values)
			}
			return nil
		})
		t.samples = append(t.samples, s)
		return err
	case 4:
		return t.location(v.bytes)
	case 5:
		var id, name uint64
		err := each(v.bytes, func(n int, v value) error {
			switch n {
			case 1:
				id = v.number
			case 2:
				name = v.number
			}
			return nil
		})
		t.functions[id] = name
		return err
	case 6:
		t.names = append(t.names, string(v.bytes))
	}
	return nil
}

func (t *tables) location(content []byte) error {
	var id uint64
	var functions []uint64
	err := each(content, func(n int, v value) error {
		switch n {
		case 1:
			id = v.number
		case 4:
			return each(v.bytes, func(n int, v value) error {
				if n == 1 {
					functions = append(functions, v.number)
				}
				return nil
			})
		}
		return nil
	})
	t.locations[id] = functions
	return err
}

// resolve writes the samples with names. The second value of a CPU profile is
// in nanoseconds.
func (t *tables) resolve() ([]Sample, error) {
	var all []Sample
	for _, s := range t.samples {
		if len(s.values) != 2 {
			return nil, errProfile
		}
		found := Sample{CPU: time.Duration(s.values[1])}
		for _, location := range s.locations {
			for _, function := range t.locations[location] {
				name := t.functions[function]
				if name >= uint64(len(t.names)) {
					return nil, errProfile
				}
				found.Stack = append(found.Stack, t.names[name])
			}
		}
		all = append(all, found)
	}
	return all, nil
}

// value is a field's: a number, or bytes.
type value struct {
	number uint64
	bytes  []byte
	packed bool
}

// numbers appends the value, which is one number or many packed ones.
func (v value) numbers(to *[]uint64) error {
	if !v.packed {
		*to = append(*to, v.number)
		return nil
	}
	for left := v.bytes; len(left) > 0; {
		n, size := protowire.ConsumeVarint(left)
		if size < 0 {
			return protowire.ParseError(size)
		}
		*to = append(*to, n)
		left = left[size:]
	}
	return nil
}

// each calls f with each field of a message.
func each(message []byte, f func(field int, v value) error) error {
	for len(message) > 0 {
		number, kind, size := protowire.ConsumeTag(message)
		if size < 0 {
			return protowire.ParseError(size)
		}
		message = message[size:]
		var v value
		switch kind {
		case protowire.VarintType:
			v.number, size = protowire.ConsumeVarint(message)
		case protowire.BytesType:
			v.bytes, size = protowire.ConsumeBytes(message)
			v.packed = true
		default:
			size = protowire.ConsumeFieldValue(number, kind, message)
		}
		if size < 0 {
			return protowire.ParseError(size)
		}
		message = message[size:]
		if err := f(int(number), v); err != nil {
			return err
		}
	}
	return nil
}
