package keyring

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead/aesgcm"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf/hmacprf"
	"github.com/tink-crypto/tink-go/v2/tink"

	"zgoda/pseudonym/secret"
)

// States of a version.
const (
	StateMade      = "made"      // on disk, not in use yet
	StateCurrent   = "current"   // what is made now is made under it
	StateOld       = "old"       // what it made is still being carried over
	StateKept      = "kept"      // not current, and needed for good or until Until: see the key
	StateDestroyed = "destroyed" // gone; the note of it stays for a while
)

// set is one keyset: its versions, and what is known of them.
type set struct {
	name     string
	head     head
	handle   *keyset.Handle
	revision Revision
}

// head is the part of a keyset that is not sealed, but bound to what is.
type head struct {
	Wrapping uint32 `json:"wrapping"` // number of the wrapping key
	Versions []meta `json:"versions"`
	With     uint32 `json:"with,omitempty"` // of a year of visitors: the version of purpose-profiling it goes with
}

// meta is what is known of one version.
type meta struct {
	Number uint32    `json:"number"` // what others call it
	ID     uint32    `json:"id"`     // what the keyset calls it
	State  string    `json:"state"`
	Made   time.Time `json:"made"`
	Until  time.Time `json:"until,omitzero"`
}

// version is one key out of a keyset.
type version struct {
	id  uint32 // its number
	key secret.Bytes
}

// setForm begins every keyset since there are wrapping keys.
var setForm = []byte("zgoda-keyset 3\n")

var (
	errDamaged   = errors.New("damaged, or another keyset's file")
	errNoVersion = errors.New("no such version")
)

// bind ties a wrapped keyset to its name, so that two files cannot be swapped.
func bind(name string) []byte { return []byte("zgoda keyset " + name) }

// encode wraps a keyset under the newest wrapping key.
func (w *wrappings) encode(s *set) ([]byte, error) {
	s.head.Wrapping = w.newest
	line, err := json.Marshal(s.head)
	if err != nil {
		return nil, fmt.Errorf("write the head of keyset %s: %w", s.name, err)
	}
	line = append(line, '\n')
	out := bytes.NewBuffer(slices.Concat(setForm, line))
	if err := s.handle.WriteWithAssociatedData(keyset.NewBinaryWriter(out), w.keys[w.newest], headed(s.name, line)); err != nil {
		return nil, fmt.Errorf("wrap keyset %s: %w", s.name, err)
	}
	return out.Bytes(), nil
}

func headed(name string, line []byte) []byte { return slices.Concat(bind(name), []byte("\n"), line) }

// headOf reads the part of a wrapped keyset that is not sealed, and returns its
// line and what follows it.
func headOf(content []byte) (h head, line, sealed []byte, err error) {
	rest, ok := bytes.CutPrefix(content, setForm)
	end := bytes.IndexByte(rest, '\n') + 1
	if !ok || end == 0 || json.Unmarshal(rest[:end], &h) != nil {
		return head{}, nil, nil, errDamaged
	}
	return h, rest[:end], rest[end:], nil
}

func (w *wrappings) decode(name string, content []byte) (*set, error) {
	h, line, rest, err := headOf(content)
	if err != nil {
		return nil, err
	}
	s := &set{name: name, head: h}
	under, ok := w.keys[s.head.Wrapping]
	if !ok {
		return nil, errDamaged
	}
	handle, err := keyset.ReadWithAssociatedData(keyset.NewBinaryReader(bytes.NewReader(rest)), under, headed(name, line))
	if err != nil {
		return nil, errDamaged
	}
	s.handle = handle
	return s, s.check()
}

// legacy reads a keyset that is wrapped under the key-encryption key itself.
func legacy(name string, content []byte, under tink.AEAD, made time.Time) (*set, error) {
	handle, err := keyset.ReadWithAssociatedData(keyset.NewBinaryReader(bytes.NewReader(content)), under, bind(name))
	if err != nil {
		return nil, errOtherKEK
	}
	s := &set{name: name, handle: handle}
	for i := range handle.Len() {
		entry, err := handle.Entry(i)
		if err != nil {
			return nil, errDamaged
		}
		m := meta{Number: s.number(entry.KeyID()), ID: entry.KeyID(), State: StateOld, Made: made}
		if entry.IsPrimary() {
			m.State = StateCurrent
		}
		s.head.Versions = append(s.head.Versions, m)
	}
	return s, s.check()
}

// check refuses a head that does not fit what is sealed.
func (s *set) check() error {
	live := 0
	for _, m := range s.head.Versions {
		if m.State == StateDestroyed {
			continue
		}
		live++
		entry, err := s.entry(m.ID)
		if err != nil || entry.IsPrimary() != (m.State == StateCurrent) {
			return errDamaged
		}
	}
	if live != s.handle.Len() {
		return errDamaged
	}
	return nil
}

func (s *set) entry(id uint32) (*keyset.Entry, error) {
	for i := range s.handle.Len() {
		entry, err := s.handle.Entry(i)
		if err == nil && entry.KeyID() == id {
			return entry, nil
		}
	}
	return nil, errNoVersion
}

// number returns what others are to call a new version. Of the keys whose
// versions are counted, it is the next; of the others, what the keyset calls it,
// so that a restored backup never gives one number to two keys.
func (s *set) number(id uint32) uint32 {
	if s.name != nameSlot && s.name != nameLink {
		return id
	}
	last := uint32(0)
	for _, m := range s.head.Versions {
		last = max(last, m.Number)
	}
	return last + 1
}

// newSet makes a keyset of one random key.
func newSet(name string, at time.Time) (*set, error) {
	handle, err := keyset.NewHandle(template(name))
	if err != nil {
		return nil, fmt.Errorf("make keyset %s: %w", name, err)
	}
	s := &set{name: name, handle: handle}
	id := handle.KeysetInfo().GetPrimaryKeyId()
	s.head.Versions = []meta{{Number: s.number(id), ID: id, State: StateCurrent, Made: at}}
	return s, nil
}

// keys returns the keys of the versions in a state, in the order they were made.
func (s *set) keys(states ...string) ([]version, error) {
	var out []version
	for _, m := range s.head.Versions {
		if !slices.Contains(states, m.State) {
			continue
		}
		entry, err := s.entry(m.ID)
		if err != nil {
			return nil, fmt.Errorf("keyset %s: %w", s.name, err)
		}
		raw, err := rawKey(entry)
		if err != nil {
			return nil, fmt.Errorf("keyset %s: %w", s.name, err)
		}
		out = append(out, version{id: m.Number, key: secret.New(raw)})
	}
	return out, nil
}

// rawKey takes the key out of Tink's hands: its own primitives make a new state
// for each call, which the hot path cannot afford.
func rawKey(entry *keyset.Entry) ([]byte, error) {
	switch key := entry.Key().(type) {
	case *hmacprf.Key:
		return key.KeyBytes().Data(insecuresecretdataaccess.Token{}), nil
	case *aesgcm.Key:
		return key.KeyBytes().Data(insecuresecretdataaccess.Token{}), nil
	}
	return nil, errors.New("a key is neither HMAC-SHA-256 nor AES-256-GCM")
}

// current returns the key in use.
func (s *set) current() (version, error) {
	keys, err := s.keys(StateCurrent)
	if err != nil {
		return version{}, err
	}
	if len(keys) != 1 {
		return version{}, fmt.Errorf("keyset %s: %w", s.name, errNoVersion)
	}
	return keys[0], nil
}

// meta returns what is known of a version.
func (s *set) meta(number uint32) (meta, bool) {
	at := slices.IndexFunc(s.head.Versions, func(m meta) bool { return m.Number == number && m.State != StateDestroyed })
	if at < 0 {
		return meta{}, false
	}
	return s.head.Versions[at], true
}

// having returns the numbers of the versions in a state.
func (s *set) having(state string) []uint32 {
	var out []uint32
	for _, m := range s.head.Versions {
		if m.State == state {
			out = append(out, m.Number)
		}
	}
	return out
}

// with returns a copy with other states, which the caller still has to write.
func (s *set) with(states map[uint32]string) *set {
	out := *s
	out.head.Versions = slices.Clone(s.head.Versions)
	for i, m := range out.head.Versions {
		if state, ok := states[m.Number]; ok && m.State != StateDestroyed {
			out.head.Versions[i].State = state
		}
	}
	return &out
}

// read reads a keyset off the shelf.
func (w *wrappings) read(ctx context.Context, name string) (*set, error) {
	content, revision, err := w.shelf.Read(ctx, name+suffix)
	if err != nil {
		return nil, fmt.Errorf("read keyset %s: %w", name, err)
	}
	s, err := w.decode(name, content)
	if err != nil {
		return nil, fmt.Errorf("open keyset %s: %w", name, err)
	}
	s.revision = revision
	return s, nil
}

// put writes a keyset, durably. Where somebody else made the same one first,
// it returns ErrRaced.
func (w *wrappings) put(ctx context.Context, s *set) error {
	content, err := w.encode(s)
	if err != nil {
		return err
	}
	if s.revision, err = w.shelf.Write(ctx, s.name+suffix, content, s.revision); err != nil {
		return fmt.Errorf("write keyset %s: %w", s.name, err)
	}
	return nil
}
