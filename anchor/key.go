package anchor

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Key is what signs the checkpoints of one node.
type Key struct {
	Signer note.Signer
	Public string // as `zgoda ledger verify --key` takes it
}

// The errors of a key file.
var (
	ErrKeyExposed = errors.New("the key file may be read by others; make it 0600")
	ErrKeyDamaged = errors.New("the key file is damaged")
	ErrKeyName    = errors.New("the key file is another installation's or another node's; give it its name back, or put the file away: a new key is made then, and checkpoints of the old one are checked with the old one")
)

// LoadKey reads the key in a file, or makes one of the name on the first start.
// The file is on disk, with its folder, before the key signs anything.
func LoadKey(path, name string) (Key, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKey(path, name)
	}
	if err != nil {
		return Key{}, fmt.Errorf("read the ledger's key: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return Key{}, fmt.Errorf("read the ledger's key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return Key{}, fmt.Errorf("read the ledger's key: %w", ErrKeyExposed)
	}
	private, public, ok := strings.Cut(strings.TrimSuffix(string(raw), "\n"), "\n")
	if !ok {
		return Key{}, fmt.Errorf("read the ledger's key: %w", ErrKeyDamaged)
	}
	return parseKey(private, public, name)
}

func parseKey(private, public, name string) (Key, error) {
	signer, err := note.NewSigner(private)
	if err != nil {
		return Key{}, fmt.Errorf("read the ledger's key: %w", ErrKeyDamaged) // note's words may hold the key
	}
	verifier, err := note.NewVerifier(public)
	if err != nil || verifier.KeyHash() != signer.KeyHash() || verifier.Name() != signer.Name() {
		return Key{}, fmt.Errorf("read the ledger's key: %w", ErrKeyDamaged)
	}
	if signer.Name() != name {
		return Key{}, fmt.Errorf("read the ledger's key: %w", ErrKeyName)
	}
	return Key{Signer: signer, Public: public}, nil
}

func makeKey(path, name string) (Key, error) {
	private, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return Key{}, fmt.Errorf("make the ledger's key: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return Key{}, fmt.Errorf("make the ledger's key: %w", err)
	}
	// A file that was cut off must not be taken for a key: it gets its name last.
	unfinished := path + ".new"
	err = write(unfinished, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, []byte(private+"\n"+public+"\n"))
	if err == nil {
		err = os.Rename(unfinished, path)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		return Key{}, fmt.Errorf("make the ledger's key: %w", err)
	}
	return parseKey(private, public, name)
}

// write writes to a file that only its owner may read, and returns when it is on
// disk.
func write(path string, flag int, b []byte) (err error) {
	f, err := os.OpenFile(path, flag, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err = f.Write(b); err != nil {
		return err
	}
	return f.Sync()
}

func syncFolder(path string) (err error) {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	return dir.Sync()
}
