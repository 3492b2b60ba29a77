package backup

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/age"

	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/private"
	"zgoda/pseudonym/vault"
)

// Identities reads age identities out of a file of their owner's alone.
func Identities(path string) ([]age.Identity, error) {
	text, err := private.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the identity: %w", err)
	}
	defer clear(text)
	ids, err := age.ParseIdentities(bytes.NewReader(text))
	if err != nil {
		return nil, errors.New("read the identity: the file holds no age identity (AGE-SECRET-KEY-1...)")
	}
	return ids, nil
}

// vaultPath is where the keyholder keeps its vault.
func vaultPath(dir string) string { return filepath.Join(dir, "vault", "vault.db") }

// ErrUnfinished is returned for a folder into which a restore was cut short.
var ErrUnfinished = errors.New("a restore into this folder was cut short: do it again")

// note is the file that is in a folder while a restore is under way.
func note(dir string) string { return filepath.Join(dir, "restore-unfinished") }

// Whole returns ErrUnfinished for a folder in which a restore was killed. It has keys,
// and of the vault nothing: a keyholder would take everybody for new.
func Whole(dir string) error {
	begun, err := private.Exists(note(dir))
	if err != nil {
		return fmt.Errorf("look for an unfinished restore: %w", err)
	}
	if begun {
		return fmt.Errorf("%s: %w", dir, ErrUnfinished)
	}
	return nil
}

// Restore makes a keyholder's keys and vault in a folder that has none, under the
// key-encryption key of the settings. When it fails, the folder holds no keys; when it
// is killed, Whole tells, and doing it again begins anew. Either way a keyholder does
// not start on it.
func Restore(ctx context.Context, from io.Reader, ids []age.Identity, cfg keyring.Config) (Told, error) {
	lines, err := open(from, ids)
	if err != nil {
		return Told{}, err
	}
	err = Whole(cfg.Dir)
	if errors.Is(err, ErrUnfinished) {
		err = discard(cfg.Dir)
	}
	if err != nil {
		return Told{}, err
	}
	for _, path := range []string{filepath.Join(cfg.Dir, "keys"), vaultPath(cfg.Dir)} {
		if there, err := private.Exists(path); err != nil || there {
			return Told{}, errors.Join(err, fmt.Errorf("%s: %w", path, keyring.ErrKeysThere))
		}
	}
	begin, err := lines.next()
	if err != nil || begin.Head == nil || begin.Head.Format != format {
		return Told{}, errors.Join(ErrDamaged, err)
	}
	keys, err := lines.next()
	if err != nil || keys.Keys == nil {
		return Told{}, errors.Join(ErrDamaged, err)
	}
	defer clear(keys.Keys.Key)
	if err := errors.Join(os.MkdirAll(cfg.Dir, 0o700), private.WriteFile(note(cfg.Dir), nil)); err != nil {
		return Told{}, fmt.Errorf("note that a restore has begun: %w", err)
	}
	if err := keyring.Import(ctx, cfg, *keys.Keys); err != nil {
		return Told{}, errors.Join(err, discard(cfg.Dir))
	}
	told, err := fill(ctx, lines, cfg)
	if err != nil {
		return Told{}, errors.Join(err, discard(cfg.Dir))
	}
	return told, settle(cfg.Dir)
}

// settle takes the note away, durably.
func settle(dir string) error {
	if err := os.Remove(note(dir)); err != nil {
		return fmt.Errorf("note that a restore has ended: %w", err)
	}
	return private.SyncDir(dir)
}

// discard removes what a failed restore has made, the note of it last.
func discard(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "keys", "*"))
	files, failed := filepath.Glob(vaultPath(dir) + "*") // with its log
	err = errors.Join(err, failed)
	for _, path := range append(names, files...) {
		err = errors.Join(err, private.Shred(path))
	}
	if removed := os.Remove(filepath.Join(dir, "keys")); !errors.Is(removed, fs.ErrNotExist) {
		err = errors.Join(err, removed)
	}
	if err != nil {
		return fmt.Errorf("remove what a failed restore has made: %w", err)
	}
	return settle(dir)
}

// fill fills the vault, and reads up to the end of the file.
func fill(ctx context.Context, lines *reader, cfg keyring.Config) (told Told, err error) {
	cfg.Existing = true
	ring, err := keyring.Open(ctx, cfg)
	if err != nil {
		return Told{}, err
	}
	if cfg.KEK == nil { // else it is the caller's
		defer func() { err = errors.Join(err, ring.Close()) }()
	}
	store, err := vault.OpenUnder(ctx, vault.Config{Path: vaultPath(cfg.Dir)}, ring.Slots())
	if err != nil {
		return Told{}, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	count, err := newTally(ring) //nolint:contextcheck // what it may write is worth finishing
	if err != nil {
		return Told{}, err
	}
	err = store.Fill(ctx, func() (*vault.Dumped, error) {
		l, err := lines.next()
		switch {
		case err != nil:
			return nil, errors.Join(ErrDamaged, err)
		case l.Row != nil:
			if c := l.Row.Contact; c != nil && len(c.Salt) != len(keyring.Salt{}) {
				return nil, ErrDamaged
			}
			count.add(*l.Row)
			return l.Row, nil
		case l.End != nil:
			told = *l.End
			return nil, lines.end(told, count.end())
		}
		return nil, ErrDamaged
	})
	return told, err
}

// Check opens a restored folder as a keyholder does and compares it with what the
// backup says of itself.
func Check(ctx context.Context, cfg keyring.Config, told Told) (err error) {
	cfg.Existing = true
	ring, err := keyring.Open(ctx, cfg)
	if err != nil {
		return err
	}
	if cfg.KEK == nil {
		defer func() { err = errors.Join(err, ring.Close()) }()
	}
	store, err := vault.OpenUnder(ctx, vault.Config{Path: vaultPath(cfg.Dir)}, ring.Slots())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	count, err := newTally(ring) //nolint:contextcheck // what it may write is worth finishing
	if err != nil {
		return err
	}
	if err := store.Dump(ctx, func(d vault.Dumped) error { count.add(d); return nil }); err != nil {
		return err
	}
	if identifiers, contacts := store.Counts(); uint64(identifiers) != told.Identifiers || uint64(contacts) != told.Contacts {
		return ErrDiffers
	}
	return same(told, count.end())
}

func same(told, counted Told) error {
	counted.At = told.At
	if counted != told {
		return ErrDiffers
	}
	return nil
}

// reader reads the lines of a backup.
type reader struct {
	in *json.Decoder
}

func open(from io.Reader, ids []age.Identity) (*reader, error) {
	plain, err := age.Decrypt(from, ids...)
	if err != nil {
		return nil, errors.New("open the backup: it is sealed to somebody else, or is none")
	}
	return &reader{in: json.NewDecoder(bufio.NewReaderSize(plain, 64<<10))}, nil
}

// next reads a line. Its errors hold no content.
func (r *reader) next() (l line, err error) {
	if err := r.in.Decode(&l); err != nil {
		return line{}, ErrDamaged
	}
	return l, nil
}

// end checks that nothing comes after the last line, and that all came before.
func (r *reader) end(told, counted Told) error {
	if _, err := r.in.Token(); !errors.Is(err, io.EOF) {
		return ErrDamaged
	}
	return same(told, counted)
}
