package pkcs11

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"

	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/kek/reach"
	"zgoda/pseudonym/kek/uri"
	"zgoda/pseudonym/secret"
)

// errPIN is returned where no file of a PIN is given.
var errPIN = errors.New("no PIN for the token: give --pin-file FILE")

// Token is a key on a PKCS#11 token. Its versions are keys of one label; their
// ids are numbers, and the highest is the one that wraps.
type Token struct {
	uri     string
	label   string // of the token
	object  string // label of the key
	pin     secret.Bytes
	library *library

	using   sync.Mutex // one login at a time: it is the process's, not a session's
	refused error      // a PIN that was wrong is not tried again: tokens count
}

// Open loads the token's library and looks for the key. It makes the key if cfg
// says that it may.
func Open(_ context.Context, cfg reach.Config) (*Token, error) {
	at, err := uri.ParseToken(cfg.URI.Rest)
	if err != nil {
		return nil, err
	}
	if cfg.PIN == "" {
		return nil, errPIN
	}
	pin, err := reach.Secret(cfg.PIN)
	if err != nil {
		return nil, fmt.Errorf("PIN of the token: %w", err)
	}
	t := &Token{uri: cfg.URI.String(), label: at.Label, object: at.Object, pin: secret.New(pin)}
	if t.library, err = load(at.Module); err != nil {
		return nil, err
	}
	if err := t.look(cfg.MayMake); err != nil && !errors.Is(err, kek.ErrAway) {
		return nil, err
	}
	return t, nil
}

func (t *Token) look(mayMake bool) error {
	return t.with(mayMake, func(s *session) error {
		_, err := t.newest(s)
		if errors.Is(err, kek.ErrMissing) && mayMake {
			return s.generate(t.object, []byte{1})
		}
		return err
	})
}

// with runs one act in a session of its own.
func (t *Token) with(write bool, act func(s *session) error) error {
	t.using.Lock()
	defer t.using.Unlock()
	if t.refused != nil {
		return t.refused
	}
	s, err := t.library.open(t.label, t.pin.Reveal(), write)
	if err != nil {
		if errors.Is(err, kek.ErrRefused) {
			t.refused = err
		}
		return err
	}
	defer s.close()
	return act(s)
}

// number is what an id counts. An id of another tool's that is no number comes
// before them all.
func number(id []byte) uint64 {
	if len(id) > 8 {
		return 0
	}
	return binary.BigEndian.Uint64(append(make([]byte, 8-len(id)), id...))
}

// newest finds the key that wraps.
func (t *Token) newest(s *session) (object, error) {
	found, err := s.find(t.object, nil)
	if err != nil {
		return object{}, err
	}
	if len(found) == 0 {
		return object{}, fmt.Errorf("%w of that label on the token", kek.ErrMissing)
	}
	last := slices.MaxFunc(found, func(a, b object) int { return cmp.Compare(number(a.id), number(b.id)) })
	return last, s.stays(last)
}

// Describe returns the URI.
func (t *Token) Describe() string { return t.uri }

// wrappedForm begins what Wrap returns: then come the length of the key's id,
// the id, a nonce of 12 bytes and AES-GCM's text and tag.
const wrappedForm = 1

// Wrap has the token seal.
func (t *Token) Wrap(_ context.Context, plain, bind []byte) (wrapped []byte, err error) {
	if len(plain) > kek.MaxPlain {
		return nil, kek.ErrTooLong
	}
	iv := make([]byte, ivSize)
	if _, err := rand.Read(iv); err != nil {
		return nil, err
	}
	err = t.with(false, func(s *session) error {
		key, err := t.newest(s)
		if err != nil {
			return err
		}
		sealed, err := s.seal(key, iv, plain, bind)
		if err != nil {
			return err
		}
		wrapped = append([]byte{wrappedForm, byte(len(key.id))}, key.id...)
		wrapped = append(append(wrapped, iv...), sealed...)
		return nil
	})
	return wrapped, err
}

// parse takes apart what Wrap returned.
func parse(wrapped []byte) (id, iv, sealed []byte, err error) {
	if len(wrapped) < 2 || wrapped[0] != wrappedForm {
		return nil, nil, nil, kek.ErrWrong
	}
	rest, n := wrapped[2:], int(wrapped[1])
	if len(rest) < n+ivSize+tagSize {
		return nil, nil, nil, kek.ErrWrong
	}
	return rest[:n], rest[n : n+ivSize], rest[n+ivSize:], nil
}

// Unwrap has the token open it.
func (t *Token) Unwrap(_ context.Context, wrapped, bind []byte) (plain []byte, err error) {
	id, iv, sealed, err := parse(wrapped)
	if err != nil {
		return nil, err
	}
	err = t.with(false, func(s *session) error {
		found, err := s.find(t.object, id)
		if err != nil {
			return err
		}
		found = slices.DeleteFunc(found, func(o object) bool { return !bytes.Equal(o.id, id) })
		if len(found) == 0 {
			return kek.ErrMissing
		}
		plain, err = s.open(found[0], iv, sealed, bind)
		return err
	})
	return plain, err
}

// Renew makes a key of the next number.
func (t *Token) Renew(context.Context) (version string, err error) {
	err = t.with(true, func(s *session) error {
		last, err := t.newest(s)
		if err != nil {
			return err
		}
		id := binary.BigEndian.AppendUint64(nil, number(last.id)+1)
		version = hex.EncodeToString(id)
		return s.generate(t.object, id)
	})
	return version, err
}

// Destroy destroys the keys of lower numbers than the named one's.
func (t *Token) Destroy(_ context.Context, before string) error {
	id, err := hex.DecodeString(before)
	if err != nil {
		return kek.ErrMissing
	}
	return t.with(true, func(s *session) error {
		found, err := s.find(t.object, nil)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(found, func(o object) bool { return bytes.Equal(o.id, id) }) {
			return kek.ErrMissing
		}
		for _, o := range found {
			if number(o.id) >= number(id) {
				continue
			}
			if err := s.destroy(o); err != nil {
				return err
			}
		}
		return nil
	})
}

// Close does nothing: sessions end with their acts, and the library stays
// loaded, as it may be in use elsewhere in the process.
func (t *Token) Close() error { return nil }
