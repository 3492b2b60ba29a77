package kek

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime/debug"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"zgoda/pseudonym/private"
)

// Errors of a passphrase.
var (
	ErrPassphrase = errors.New("the passphrase is wrong")
	ErrNoAsking   = errors.New("the key-encryption key is a passphrase, and there is nobody to ask for it: give it by --passphrase-fd, or start at a terminal")
	ErrWeak       = fmt.Errorf("a new passphrase has at least %d characters", minPassphrase)
)

const (
	minPassphrase = 12
	maxPassphrase = 1 << 10
	saltSize      = 16
	checkText     = "zgoda passphrase"
)

// cost is what a guess costs (RFC 9106).
type cost struct {
	time    uint32 // passes
	memory  uint32 // KiB
	threads uint8
}

// defaultCost takes about 0.7 s on two cores, once at each start.
var defaultCost = cost{time: 3, memory: 256 << 10, threads: 2}

func (c cost) check() error {
	if c.time < 1 || c.time > 64 || c.memory < 8<<10 || c.memory > 4<<20 || c.threads < 1 || c.threads > 16 {
		return errParameters
	}
	return nil
}

// errParameters is returned for a parameter file that is not one of ours.
var errParameters = errors.New("not the parameters of a passphrase")

// parameters are what the file beside a passphrase says. They are no secret, but
// without them the passphrase opens nothing.
type parameters struct {
	cost

	salt  []byte
	check []byte // a known text, sealed: tells a typing mistake from damage
}

const parameterForm = "zgoda-passphrase-1 argon2id t=%d m=%d p=%d salt=%x check=%x\n"

func (p parameters) text() []byte {
	return fmt.Appendf(nil, parameterForm, p.time, p.memory, p.threads, p.salt, p.check)
}

func parseParameters(content []byte) (parameters, error) {
	var p parameters
	n, err := fmt.Sscanf(string(content), parameterForm, &p.time, &p.memory, &p.threads, &p.salt, &p.check)
	if err != nil || n != 5 || len(p.salt) != saltSize || !bytes.Equal(p.text(), content) {
		return parameters{}, errParameters
	}
	return p, p.cost.check()
}

// derive makes the key. It gives the memory back to the system at once.
func (p parameters) derive(passphrase []byte) (version, error) {
	key := argon2.IDKey(norm.NFC.Bytes(passphrase), p.salt, p.time, p.memory, p.threads, keySize)
	debug.FreeOSMemory()
	return newVersion(key)
}

// bind ties the check to the parameters.
func (p parameters) bind() []byte {
	return fmt.Appendf(nil, "%s %d %d %d %s", checkText, p.time, p.memory, p.threads, hex.EncodeToString(p.salt))
}

// fromPassphrase is a key-encryption key that is derived from a passphrase.
type fromPassphrase struct {
	uri  string
	path string
	key  version
}

func openPassphrase(ctx context.Context, name string, cfg Config) (Provider, error) {
	if cfg.Passphrase == nil {
		return nil, ErrNoAsking
	}
	if err := private.MakeDir(cfg.Dir); err != nil {
		return nil, err
	}
	path := filepath.Join(cfg.Dir, name)
	if err := private.Settle(path); err != nil {
		return nil, fmt.Errorf("end what a killed change began: %w", err)
	}
	content, err := private.ReadFile(path)
	first := errors.Is(err, fs.ErrNotExist)
	switch {
	case first && !cfg.MayMake:
		return nil, fmt.Errorf("%s: %w; restore it from its backup (nothing was made anew)", path, ErrMissing)
	case err != nil && !first:
		return nil, err
	}
	passphrase, err := cfg.Passphrase(ctx, first)
	if err != nil {
		return nil, fmt.Errorf("ask for the passphrase: %w", err)
	}
	defer clear(passphrase)
	p := &fromPassphrase{uri: cfg.URI, path: path}
	if first {
		p.key, err = choose(path, passphrase, cfg.cost)
	} else {
		p.key, err = confirm(content, passphrase)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// choose makes the parameters of a new passphrase, durably.
func choose(path string, passphrase []byte, c cost) (version, error) {
	if utf8.RuneCount(passphrase) < minPassphrase || len(passphrase) > maxPassphrase {
		return version{}, ErrWeak
	}
	if c == (cost{}) {
		c = defaultCost
	}
	p := parameters{cost: c, salt: make([]byte, saltSize)}
	if _, err := rand.Read(p.salt); err != nil {
		return version{}, err
	}
	key, err := p.derive(passphrase)
	if err != nil {
		return version{}, err
	}
	if p.check, err = key.aead.Encrypt([]byte(checkText), p.bind()); err != nil {
		return version{}, err
	}
	if err := private.WriteFile(path, p.text()); err != nil {
		return version{}, err
	}
	return key, private.SyncDir(filepath.Dir(filepath.Dir(path)))
}

func confirm(content, passphrase []byte) (version, error) {
	p, err := parseParameters(content)
	if err != nil {
		return version{}, err
	}
	if len(passphrase) > maxPassphrase {
		return version{}, ErrPassphrase
	}
	key, err := p.derive(passphrase)
	if err != nil {
		return version{}, err
	}
	if _, err := key.aead.Decrypt(p.check, p.bind()); err != nil {
		return version{}, ErrPassphrase
	}
	return key, nil
}

// Describe returns the URI.
func (p *fromPassphrase) Describe() string { return p.uri }

// Wrap seals with the derived key.
func (p *fromPassphrase) Wrap(_ context.Context, plain, bind []byte) ([]byte, error) {
	if len(plain) > MaxPlain {
		return nil, ErrTooLong
	}
	return p.key.aead.Encrypt(plain, bind)
}

// Unwrap opens with the derived key.
func (p *fromPassphrase) Unwrap(_ context.Context, wrapped, bind []byte) ([]byte, error) {
	plain, err := p.key.aead.Decrypt(wrapped, bind)
	if err != nil {
		return nil, ErrWrong
	}
	return plain, nil
}

// Retire overwrites the parameters and removes them.
func (p *fromPassphrase) Retire(context.Context) error { return private.Shred(p.path) }

// Close does nothing.
func (p *fromPassphrase) Close() error { return nil }
